"""What `save` costs: batches of 200 openings, each 1 report key, 1 body, 1 incident, 2 parties, 1 journal row.

    python -m benchmarks.store_save [sqlite|postgresql …] [--batches N]

Prints µs per report by table, the client's CPU beside it. SQLite runs as in production (WAL, FULL) in ./var, PostgreSQL
as a private server with fsync on.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table

from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Changes, NewBody, NewIncident, NewJournalRow, NewReport, Store
from schemas.events import ReportReceived, RoutingDecided
from schemas.facts import Facts, RoutingDecision, Why
from schemas.incidents import Clock, Incident, Offer

BATCH = 200
HERE = "cn-231223"
NOON = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
RESPONDERS = ("urban-lighting", "sanitation", "roads", "drains", "water-works", "power", "telecom", "gas")
BODY = ('{"source":"110","text":"泰和街21号门前路灯坏了","reporter":{"name":"' + "x" * 280 + '"}}').encode()
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="*", metavar="sqlite|postgresql")
    parser.add_argument("--batches", type=int, default=150)
    given = parser.parse_args()
    for name in given.stores or ("sqlite", "postgresql"):
        with _database(name) as url:
            _report(name, given.batches, url)


@contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "postgresql":
        with PostgresServer(durable=True) as server:
            yield server.create_database("store_save")
        return
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as folder:
        yield f"sqlite:///{folder}/store_save.sqlite"


def _report(name: str, batches: int, url: str) -> None:
    store = Store.open(url)
    spent: dict[str, float] = defaultdict(float)
    _watch(store, spent)
    whole = cpu = 0.0
    sizes: list[float] = []
    for number in range(batches):
        changes = batch(number)
        started, cpu_started = time.perf_counter(), time.process_time()
        with store.begin() as txn:
            txn.save(changes)
            saved = time.perf_counter()
        ended = time.perf_counter()
        spent["commit"] += ended - saved
        whole += ended - started
        cpu += time.process_time() - cpu_started
        sizes.append(ended - started)
    assert store.last_position() == batches * BATCH
    assert store.verify_journal() is None
    store.close()
    count = batches * BATCH
    sizes.sort()
    median, quiet = (sizes[len(sizes) // part] / BATCH * 1e6 for part in (2, 10))
    print(
        f"{name}: {whole / count * 1e6:.1f} µs per report (median batch {median:.1f}, tenth percentile {quiet:.1f}),"
        f" client CPU {cpu / count * 1e6:.1f}"
    )
    rest = whole - sum(spent.values())
    for part, seconds in [*spent.items(), ("rows, encoding, chain", rest)]:
        print(f"    {part:22} {seconds / count * 1e6:6.1f}")


def _watch(store: Store, spent: dict[str, float]) -> None:
    """Time the inserts by table, from outside."""
    original: Callable[[Connection, Table, Sequence[Any]], None] = store._dialect.insert  # noqa: SLF001 (a measurement looks inside)

    def insert(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
        started = time.perf_counter()
        original(connection, table, rows)
        spent[table.name] += time.perf_counter() - started

    store._dialect.insert = insert  # type: ignore[method-assign]  # noqa: SLF001


def batch(number: int) -> Changes:
    rng = random.Random(number)  # noqa: S311 (the same rows every time)
    changes = Changes()
    for each in range(BATCH):
        _add(changes, rng, number * BATCH + each)
    return changes


def _add(changes: Changes, rng: random.Random, number: int) -> None:
    now = NOON + timedelta(milliseconds=number)
    report_id, incident_id = _ulid(rng, number), _ulid(rng, number)
    owner, claim_due = rng.choice(RESPONDERS), now + timedelta(minutes=rng.choice((20, 240, 1440)))
    facts = Facts(
        source="110",
        reported_at=now,
        category="lighting/streetlight",
        area="231223100",
        cell="4669:12610",
        channel="phone",
        keywords=("路灯",),
        why=(Why("category", "keyword", "路灯"),),
    )
    decision = RoutingDecision(
        rule="streetlight",
        owner=owner,
        mode="first-claim",
        offers=(owner,),
        bundle="sha256:" + "0" * 64,
        copies=("desk-110",),
        claim_due_at=claim_due,
        resolution_due_at=claim_due,
    )
    incident = Incident(
        id=incident_id,
        jurisdiction=HERE,
        seq=1,
        state="offered",
        report_id=report_id,
        source="110",
        opened_at=now,
        reported_at=now,
        rule=decision.rule,
        bundle=decision.bundle,
        owner=owner,
        desk="desk-110",
        mode="first-claim",
        priority="P3",
        category=facts.category,
        area=facts.area,
        cell=facts.cell,
        offers=(Offer(responder=owner, epoch=1),),
        copies=decision.copies,
        clocks=(
            Clock(name="claim", started_at=now, due_at=claim_due),
            Clock(name="resolution", started_at=now, due_at=claim_due),
        ),
    )
    events = (
        ReportReceived(report_id=report_id, key="0" * 32, source="110", received_at=now, via="http", channel="phone"),
        RoutingDecided(
            incident_id=incident_id,
            jurisdiction=HERE,
            report_id=report_id,
            at=now,
            desk="desk-110",
            joined=False,
            state="offered",
            facts=facts,
            decision=decision,
        ),
    )
    text = "泰和街21号门前路灯坏了"
    changes.reports.append(NewReport(HERE, rng.randbytes(16), rng.randbytes(16), report_id, incident_id, 1, now))
    changes.bodies.append(NewBody(HERE, report_id, incident_id, "report", now, BODY, text, 46.69, 126.1))
    changes.opened.append(NewIncident(incident, claim_due))
    changes.journal.append(NewJournalRow(HERE, incident_id, 1, report_id, "http", now, events))


def _ulid(rng: random.Random, number: int) -> str:
    at = int(NOON.timestamp() * 1000) + number
    return "".join(_ALPHABET[at >> 5 * k & 31] for k in range(9, -1, -1)) + "".join(rng.choices(_ALPHABET, k=16))


if __name__ == "__main__":
    main()
