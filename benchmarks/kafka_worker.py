"""kafka.worker: reports on the topic → routed and stored → offered on the responders' topics, until the last is read.

Worker, relay, broker and durable PostgreSQL are real processes on this machine; the CPU time of each is counted. Beside
it a Faust agent with one ORM transaction per event, on the same broker and the same server.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.figures import Bound, Rounds, Row
from benchmarks.kafka_town import OfferReader, ReportProducer, Town, running_town
from benchmarks.qinggang_reports import qinggang_bodies

ROUNDS: Final = 3
OURS: Final = 6_000  # reports a round
NAIVE: Final = 600
WARM_UP: Final = 200
BASELINE: Final = "Faust agent, one ORM transaction per event"
_LIMIT_S: Final = 90.0

Say = Callable[[bytes, str], object]


class Measured(NamedTuple):
    """One round: reports a second, and CPU µs per report of each process."""

    per_s: float
    cpu_us: dict[str, float]


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name, running_town(Path(name).absolute()) as town:
        producer = ReportProducer(town.bootstrap, linger_ms=5)
        measure(town, producer.ours, producer, WARM_UP, "warm-ours")
        measure(town, producer.naive, producer, WARM_UP, "warm-naive")
        ours, theirs = [], []
        for number in range(ROUNDS):
            ours.append(measure(town, producer.ours, producer, OURS, f"ours-{number}"))
            theirs.append(measure(town, producer.naive, producer, NAIVE, f"naive-{number}"))
        producer.close()
    return _rows(ours, theirs)


def measure(town: Town, say: Say, producer: ReportProducer, count: int, source: str) -> Measured:
    """From the first report said to the last incident's offer read."""
    bodies = qinggang_bodies(count, source)
    with OfferReader(town) as reader:
        before, began = town.cpu_s(), time.monotonic()
        for number, body in enumerate(bodies):
            say(body, f"{number:08d}")
        producer.flush()
        reader.wait_for(count, _LIMIT_S)
        took_s, after = time.monotonic() - began, town.cpu_s()
    return Measured(count / took_s, {name: (after[name] - before[name]) / count * 1e6 for name in after})


def _rows(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[Row]:
    pace, naive = Rounds.of([each.per_s for each in ours]), Rounds.of([each.per_s for each in theirs])
    ratios = Rounds.of([mine.per_s / other.per_s for mine, other in zip(ours, theirs, strict=True)])
    ours_us = {name: median(each.cpu_us[name] for each in ours) for name in ("worker", "relay", "broker", "postgres")}
    naive_us = {name: median(each.cpu_us[name] for each in theirs) for name in ("naive", "broker", "postgres")}
    naive_us["worker"] = naive_us.pop("naive")
    return [
        Row("kafka.worker", pace.median, "/s", BASELINE, naive.median, spread=str(pace), note=f"baseline {naive}/s"),
        Row("kafka.worker.ratio", ratios.median, "x", BASELINE, 1, Bound(at_least=5), str(ratios)),
        *(
            Row(f"kafka.worker.cpu.{name}", cpu_us, "µs", BASELINE, naive_us.get(name), note="CPU per report")
            for name, cpu_us in ours_us.items()
        ),
    ]
