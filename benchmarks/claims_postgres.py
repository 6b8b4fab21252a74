"""claims.postgres: two processes with 50 operators each at one list, on a private PostgreSQL with fsync on."""

import os
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.claiming import CATEGORY
from benchmarks.claims import Round, claimed, latency, naively, pace, wins
from benchmarks.figures import Row
from deploy.local.postgres_server import PostgresServer
from dispatcher.bootstrap import find_pack
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, Spine, Ulids
from dispatcher.store import Store
from routing_rules import encode_bundle, load_pack
from schemas.commands import PublishBundle, SubmitReport
from schemas.outcomes import Taken
from schemas.reports import Report

ROUNDS: Final = 3
OURS: Final = 10_000  # incidents a round
NAIVE: Final = 1_000
PROCESSES: Final = 2
_BATCH: Final = 200


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    ours: list[Round] = []
    theirs: list[Round] = []
    with tempfile.TemporaryDirectory(dir="var") as name, PostgresServer(durable=True) as server:
        folder = Path(name).absolute()
        for number in range(ROUNDS):
            ours.append(_ours(server.create_database(f"ours{number}"), folder))
            theirs.append(naively(server.create_database(f"naive{number}"), folder, NAIVE, PROCESSES))
    return [
        pace("claims.postgres", ours, theirs, per_s=5_000),
        latency("claims.postgres.p99", ours, theirs, at_most=None),
    ]


def _ours(url: str, folder: Path) -> Round:
    store = Store.open(url)
    _open(store)
    position = store.last_position()
    seen = claimed(OURS, side="ours", database=url, folder=str(folder), processes=PROCESSES)
    won = wins(store, position)
    store.close()
    assert (len(won), set(won.values())) == (OURS, {1})
    return seen


def _open(store: Store) -> None:
    spine = Spine(store, Policies(), Ulids(os.urandom), now=None, elapsed=time.perf_counter, observer=Metrics())
    spine.handle([PublishBundle(bundle=encode_bundle(load_pack(find_pack("qinggang"))))])
    for start in range(0, OURS, _BATCH):
        numbers = range(start, start + _BATCH)
        reports = [Report(source="bench", source_id=str(each), category=CATEGORY) for each in numbers]
        outcomes = spine.handle([SubmitReport(report=report) for report in reports])
        assert all(isinstance(outcome, Taken) for outcome in outcomes)
