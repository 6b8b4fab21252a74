"""timers.late: 10,000 alarms due within one minute on a running engine (SQLite), and how late each is committed.

Late is counted to the moment at which a reader of the journal sees the breach committed; early is what must not be.
Beside it the way it is often done: once a second a job asks what is due and marks each row in a transaction of its own.
"""

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.boston_reports import PACK
from benchmarks.figures import Bound, Row, percentile, shown
from benchmarks.naive_dispatcher import NaiveDispatcher, NaiveIncident
from dispatcher.bootstrap import Engine, open_engine
from dispatcher.cli.processes import settle
from dispatcher.settings import Settings
from dispatcher.store import Store
from routing_rules import load_pack
from schemas.commands import SubmitReport
from schemas.events import ClockBreached
from schemas.outcomes import Taken
from schemas.reports import Due, Report

COUNT: Final = 10_000
SPAN_S: Final = 60.0
NAIVE_COUNT: Final = 2_500
NAIVE_SPAN_S: Final = 15.0
LEAD_S: Final = 8.0  # for taking the reports
LOOK_S: Final = 0.005
_BATCH: Final = 200
_LIMIT_S: Final = 30.0  # after the last is due


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        late_ms = _ours(folder)
        naive_ms = _naive(folder)
    early = sum(late <= 0 for late in late_ms)
    baseline = "a job every second, one transaction each"
    return [
        Row(
            name="timers.late",
            figure=percentile(late_ms, 0.99),
            unit="ms",
            baseline=baseline,
            baseline_figure=percentile(naive_ms, 0.99),
            bound=Bound(at_most=250),
            spread=f"{shown(min(late_ms))}..{shown(max(late_ms))}",
            note=f"median {shown(percentile(late_ms, 0.5))} ms, baseline {shown(percentile(naive_ms, 0.5))} ms",
        ),
        Row("timers.late.early", early, "count", bound=Bound(at_most=0), note=f"of {COUNT:,}"),
    ]


def _ours(folder: Path) -> list[float]:
    settings = Settings(database=f"sqlite:///{folder}/ours.db", var=folder, pack=str(PACK))
    engine = open_engine(settings)
    engine.start(tick=True)
    settle()
    try:
        first_due_at = datetime.now(UTC) + timedelta(seconds=LEAD_S)
        _take(engine, first_due_at)
        return _watch(engine.store, until=first_due_at + timedelta(seconds=SPAN_S + _LIMIT_S))
    finally:
        engine.stop()


def _take(engine: Engine, first_due_at: datetime) -> None:
    """Reports whose resolution is due at random instants of the minute; a trusted source may say so."""
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    commands = [
        SubmitReport(
            report=Report(
                source="bench",
                source_id=str(number),
                text="due",
                due=Due(claim_at=None, resolution_at=first_due_at + timedelta(seconds=dice.uniform(0, SPAN_S))),
            ),
            trusted=True,
        )
        for number in range(COUNT)
    ]
    for start in range(0, COUNT, _BATCH):
        outcomes = engine.writer.submit(commands[start : start + _BATCH]).result()
        assert all(isinstance(outcome, Taken) for outcome in outcomes)
    if datetime.now(UTC) > first_due_at:
        raise RuntimeError(f"taking {COUNT:,} reports took more than {LEAD_S} s on this machine")


def _watch(store: Store, until: datetime) -> list[float]:
    """Milliseconds between due and seen, for every breach."""
    late_ms: list[float] = []
    position = store.last_position()
    while len(late_ms) < COUNT:
        time.sleep(LOOK_S)
        rows = store.journal_after(position, 1_000)
        seen_at = datetime.now(UTC)
        for row in rows:
            position = row.position
            late_ms += [_late_ms(event, seen_at) for event in row.events if isinstance(event, ClockBreached)]
        if seen_at > until:
            raise RuntimeError(f"{COUNT - len(late_ms)} alarms did not ring")
    return late_ms


def _late_ms(breach: ClockBreached, seen_at: datetime) -> float:
    """To when it was seen; an alarm that claims to have rung early counts as early, whenever it is seen."""
    rang_at = seen_at if breach.fired_at > breach.due_at else breach.fired_at
    return (rang_at - breach.due_at) / timedelta(milliseconds=1)


def _naive(folder: Path) -> list[float]:
    naive = NaiveDispatcher(f"sqlite:///{folder}/naive.db", load_pack(PACK))
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    began = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=1)
    with Session(naive.engine) as session:
        session.add_all(
            NaiveIncident(
                id=str(number), state="offered", owner="a", rule="r", priority="P3", opened_at=began,
                due_at=began + timedelta(seconds=dice.uniform(0, NAIVE_SPAN_S)),
            )
            for number in range(NAIVE_COUNT)
        )  # fmt: skip
        session.commit()
    late_ms: list[float] = []
    while len(late_ms) < NAIVE_COUNT:
        time.sleep(1)
        late_ms += _naive_job(naive)
    naive.close()
    return late_ms


def _naive_job(naive: NaiveDispatcher) -> list[float]:
    late_ms: list[float] = []
    is_due = (NaiveIncident.due_at <= datetime.now(UTC).replace(tzinfo=None)) & NaiveIncident.breached_at.is_(None)
    with Session(naive.engine, expire_on_commit=False) as session:
        for incident in session.scalars(select(NaiveIncident).where(is_due)).all():
            due_at = incident.due_at
            incident.breached_at = datetime.now(UTC).replace(tzinfo=None)
            session.commit()
            assert due_at is not None
            late_ms.append((datetime.now(UTC).replace(tzinfo=None) - due_at) / timedelta(milliseconds=1))
    return late_ms
