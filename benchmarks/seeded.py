"""A database with very many open incidents, made in seconds.

A thousand go through the engine as reports do; the others are copies of their rows, made by SQL with ids of their own
and without journal rows, so this is for measuring what looks at the open ones, not for what reads their history.
"""

import os
import random
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.boston_reports import PACK
from dispatcher.bootstrap import process_clock
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, Spine, Ulids
from dispatcher.store import Store
from routing_rules import encode_bundle, load_pack
from schemas.commands import PublishBundle, SubmitReport
from schemas.outcomes import Taken
from schemas.reports import Due, Location, Report

SEED: Final = 1_000
_ID_COLUMNS: Final = {
    "incidents": ("id", "report_id"),
    "bodies": ("ref", "incident_id"),
    "queue": ("incident_id",),
    "parties": ("incident_id",),
}
_BATCH: Final = 200
_FIRST_DUE_S: Final = 3_600.0  # no alarm rings while something is measured
_LAST_DUE_S: Final = 3 * 86_400.0


def seed(database: Path, count: int, *, pack: Path = PACK, category: str | None = None) -> None:
    """`count` open incidents (a multiple of 1,000), each with one running clock due within three days."""
    store = Store.open(f"sqlite:///{database}")
    spine = Spine(
        store, Policies(), Ulids(os.urandom), now=process_clock, elapsed=time.perf_counter, observer=Metrics()
    )
    spine.handle([PublishBundle(bundle=encode_bundle(load_pack(pack)))])
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    commands = [_report(number, dice, category) for number in range(SEED)]
    for start in range(0, SEED, _BATCH):
        outcomes = spine.handle(commands[start : start + _BATCH])
        assert all(isinstance(outcome, Taken) and not outcome.answer.joined for outcome in outcomes)
    store.close()
    _copy(database, count // SEED - 1)


def _report(number: int, dice: random.Random, category: str | None) -> SubmitReport:
    due_at = datetime.now(UTC) + timedelta(seconds=dice.uniform(_FIRST_DUE_S, _LAST_DUE_S))
    return SubmitReport(
        report=Report(
            source="seed",
            source_id=str(number),
            category=category,
            text=f"seed {number}: something is broken here",
            place=f"{number} Example St",
            location=Location(lat=round(dice.uniform(42.24, 42.39), 6), lon=round(dice.uniform(-71.17, -71.0), 6)),
            due=Due(claim_at=None, resolution_at=due_at),
        ),
        trusted=True,
    )


def _copy(database: Path, times: int) -> None:
    """The engine's rows `times` more; the file is nobody's yet, so it needs no safety."""
    connection = sqlite3.connect(database)
    for setting in ("journal_mode=MEMORY", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute("CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS"
                       " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n", (times,))  # fmt: skip
    for table, ids in _ID_COLUMNS.items():
        connection.execute(_copying(connection, table, ids))
    connection.commit()
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _copying(connection: sqlite3.Connection, table: str, ids: tuple[str, ...]) -> str:
    """The statement that copies a table's rows; an id's copy has the number of the copy in the place of its clock."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    anew = "printf('%010d', i) || substr({0}, 11)"
    values = [anew.format(name) if name in ids else name for name in columns]
    if table == "incidents":
        doc = "CAST(doc AS TEXT)"
        for name in ids:
            doc = f"replace({doc}, {name}, {anew.format(name)})"
        values[columns.index("doc")] = f"CAST({doc} AS BLOB)"
    return f"INSERT INTO {table} SELECT {', '.join(values)} FROM copies, {table} ORDER BY i"  # noqa: S608 - our own names
