"""replay: the tables rebuilt from the journal and compared row by row, on SQLite, chain of the journal included."""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.boston_reports import PACK, boston_bodies
from benchmarks.figures import Bound, Rounds, Row
from benchmarks.naive_replay import replay_naively
from dispatcher.bootstrap import process_clock
from dispatcher.cli.processes import settle
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, Spine, Ulids
from dispatcher.service.replaying import verify
from dispatcher.store import Store
from routing_rules import encode_bundle, load_pack
from schemas.command_bodies import ClaimBody, CloseBody, ProgressBody, ResolveBody
from schemas.commands import (
    ClaimIncident,
    CloseIncident,
    Command,
    NoteProgress,
    PublishBundle,
    ResolveIncident,
    SubmitReport,
)
from schemas.decode import decode_report
from schemas.outcomes import Taken
from schemas.reports import ReportAnswer

REPORTS: Final = 8_000
ROUNDS: Final = 5
NAIVE: Final = 4_000  # journal rows
_BATCH: Final = 200
_EVER: Final = datetime.now(UTC) - timedelta(days=3650)


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        live = f"sqlite:///{folder}/live.db"
        store = _filled(live)
        settle()
        ours = [_verified(store) for _ in range(ROUNDS)]
        theirs = [_naive(live, f"sqlite:///{folder}/side{number}.db") for number in range(3)]
        rows = store.last_position()
        store.close()
    pace, naive = Rounds.of([each[0] for each in ours]), Rounds.of(theirs)
    cpu = median(each[1] for each in ours)
    note = f"{rows:,} rows; CPU µs per row {cpu:.0f} (baseline {naive}/s)"
    return [
        Row(
            name="replay",
            figure=pace.median,
            unit="/s",
            baseline="ORM, row by row",
            baseline_figure=naive.median,
            bound=Bound(at_least=20_000),
            spread=str(pace),
            note=note,
        )
    ]


def _verified(store: Store) -> tuple[float, float]:
    """Journal rows a second, CPU µs per row."""
    began, cpu = time.perf_counter(), time.process_time()
    found = verify(store, keys_since=_EVER, progress=lambda _: None)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    assert found.is_equal, found
    assert found.rows_count > 4 * found.incidents_count > 0
    return found.rows_count / took_s, cpu_s / found.rows_count * 1e6


def _naive(live: str, side: str) -> float:
    began = time.perf_counter()
    replay_naively(live, side, NAIVE)
    return NAIVE / (time.perf_counter() - began)


def _filled(url: str) -> Store:
    """Lives of five rows each, made by the engine: reported, claimed, a note, resolved, closed."""
    store = Store.open(url)
    spine = Spine(
        store, Policies(), Ulids(os.urandom), now=process_clock, elapsed=time.perf_counter, observer=Metrics()
    )
    spine.handle([PublishBundle(bundle=encode_bundle(load_pack(PACK)))])
    bodies = boston_bodies(REPORTS)
    for start in range(0, REPORTS, _BATCH):
        decoded = [decode_report(raw) for raw in bodies[start : start + _BATCH]]
        outcomes = spine.handle([SubmitReport(report=report, warnings=warnings) for report, warnings in decoded])
        answers = [outcome.answer for outcome in outcomes if isinstance(outcome, Taken)]
        assert len(answers) == _BATCH
        opened = [answer for answer in answers if not answer.joined]
        for step in zip(*(_life(answer) for answer in opened), strict=True):
            spine.handle(step)
    return store


def _life(taken: ReportAnswer) -> Iterator[Command]:
    it, owner = taken.incident_id, taken.owner
    yield ClaimIncident(incident_id=it, body=ClaimBody(responder=owner))
    yield NoteProgress(incident_id=it, body=ProgressBody(responder=owner, note="seen"))
    yield ResolveIncident(incident_id=it, body=ResolveBody(responder=owner, outcome="done"))
    yield CloseIncident(incident_id=it, body=CloseBody(responder=owner))
