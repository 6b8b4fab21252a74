"""kafka.offer_latency: 200 reports a second on the topic, and how long until the responder can read each offer.

Hops, all on this machine's clock: said → appended (broker's own time) → taken (the transaction's now) → sent by the
relay → read. Beside it the naive Faust agent at the same pace.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from benchmarks.figures import Bound, Row, percentile, shown
from benchmarks.kafka_town import Offer, OfferReader, ReportProducer, Town, running_town
from benchmarks.kafka_worker import BASELINE, WARM_UP, measure
from benchmarks.qinggang_reports import qinggang_bodies
from dispatcher.store import Store, tables
from schemas.reports import Report

PER_S: Final = 200
SECONDS: Final = 20
NAIVE_SECONDS: Final = 8
HOPS: Final = ("append", "take", "store and send", "read")
_LIMIT_S: Final = 60.0
_report = msgspec.json.Decoder(Report).decode


class Said(NamedTuple):
    """When a report was handed to the producer and when the broker took it, seconds since 1970."""

    said_at: float
    appended_at: float


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name, running_town(Path(name).absolute()) as town:
        producer = ReportProducer(town.bootstrap, linger_ms=0)
        measure(town, producer.ours, producer, WARM_UP, "warm-ours")
        measure(town, producer.naive, producer, WARM_UP, "warm-naive")
        naive_said, naive_offers = say_steadily(town, producer.naive, "naive", NAIVE_SECONDS * PER_S)
        said, offers = say_steadily(town, producer.ours, "ours", SECONDS * PER_S)
        producer.close()
        taken = _taken(town, "ours")
    hops = [_hops(said[source_id], taken_at, offers[incident]) for source_id, (incident, taken_at) in taken.items()]
    assert len(hops) == SECONDS * PER_S, len(hops)
    return _rows(hops, _whole_ms(naive_said, naive_offers))


def say_steadily(
    town: Town, say: Callable[[bytes, str], Any], source: str, count: int
) -> tuple[dict[str, Said], Mapping[bytes, Offer]]:
    """Reports by source_id as said, and the offers that came of them, by incident."""
    bodies = qinggang_bodies(count, source)
    futures: dict[str, tuple[float, Any]] = {}
    with OfferReader(town) as reader:
        began = time.time()
        for number, body in enumerate(bodies):
            time.sleep(max(0.0, began + number / PER_S - time.time()))
            source_id = f"{number:08d}"
            futures[source_id] = (time.time(), say(body, source_id))
        reader.wait_for(count, _LIMIT_S)
    said = {name: Said(at, future.get(timeout=10).timestamp / 1000) for name, (at, future) in futures.items()}
    return said, reader.offers


def _taken(town: Town, source: str) -> dict[str, tuple[bytes, float]]:
    """Incident and time of the transaction by source_id, from the database."""
    bodies = tables.bodies.c
    store = Store.open(town.database)
    with store.reading() as connection:
        rows = connection.execute(select(bodies.doc, bodies.incident_id, bodies.at)).all()
    store.close()
    reports = ((_report(doc), incident_id.encode(), at.timestamp()) for doc, incident_id, at in rows)
    return {report.source_id: (incident, at) for report, incident, at in reports if report.source == source}


def _hops(said: Said, taken_at: float, offer: Offer) -> list[float]:
    """Milliseconds of each of HOPS; stamps of the broker and the relay are whole milliseconds."""
    moments = [*said, taken_at, *offer]
    return [(later - earlier) * 1e3 for earlier, later in pairwise(moments)]


def _whole_ms(said: Mapping[str, Said], offers: Mapping[bytes, Offer]) -> list[float]:
    """The naive agent answers in order, so the nth report said belongs to the nth offer read, all in all."""
    said_at, read_at = sorted(each.said_at for each in said.values()), sorted(each.read_at for each in offers.values())
    return [(read - began) * 1e3 for began, read in zip(said_at, read_at, strict=True)]


def _rows(hops: Sequence[Sequence[float]], naive_ms: Sequence[float]) -> list[Row]:
    whole = [sum(each) for each in hops]
    budget = Table("hop", "median ms", "p99 ms", title=f"kafka.offer_latency at {PER_S}/s, budget per hop")
    for place, name in enumerate(HOPS):
        taken = [each[place] for each in hops]
        budget.add_row(name, f"{percentile(taken, 0.5):.1f}", f"{percentile(taken, 0.99):.1f}")
    budget.add_row("whole", f"{percentile(whole, 0.5):.1f}", f"{percentile(whole, 0.99):.1f}")
    Console(width=100).print(budget)
    row = Row(
        name="kafka.offer_latency",
        figure=percentile(whole, 0.99),
        unit="ms",
        baseline=BASELINE,
        baseline_figure=percentile(naive_ms, 0.99),
        bound=Bound(at_most=500),
        spread=f"{shown(min(whole))}..{shown(max(whole))}",
        note=f"median {shown(percentile(whole, 0.5))} ms, baseline {shown(percentile(naive_ms, 0.5))} ms",
    )
    return [row]
