"""JSON bytes → decoded → perceived → routed → stored and committed, ours against the naive way, round by round."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

from sqlalchemy import func, select

from benchmarks.boston_reports import PACK, boston_bodies
from benchmarks.figures import Bound, Rounds, Row
from benchmarks.naive_dispatcher import NaiveDispatcher
from dispatcher.bootstrap import process_clock
from dispatcher.cli.processes import settle
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, Spine, Ulids
from dispatcher.store import Store, tables
from routing_rules import encode_bundle, load_pack
from schemas.commands import PublishBundle, SubmitReport
from schemas.decode import decode_report
from schemas.outcomes import Taken

BATCH: Final = 200
ROUNDS: Final = 5
OURS: Final = 10_000  # reports a round
NAIVE: Final = 600
WARM_UP: Final = 1_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one round: reports a second, and CPU µs per report of this process (PostgreSQL's own work is not in it)."""

    per_s: float
    cpu_us: float


def compare(name: str, ours_url: str, naive_url: str, *, per_s: float, times: float | None) -> list[Row]:
    """Rows for a database; `times` = how many times faster than the naive way it has to be."""
    bodies = boston_bodies(WARM_UP + ROUNDS * OURS)
    store, naive = Store.open(ours_url), NaiveDispatcher(naive_url, load_pack(PACK))
    spine = _spine(store)
    take_ours(spine, bodies[:WARM_UP])
    take_naively(naive, bodies[: WARM_UP // 10])
    settle()
    ours, theirs = [], []
    for number in range(ROUNDS):
        began = WARM_UP + number * OURS
        ours.append(paced(take_ours, spine, bodies[began : began + OURS]))
        theirs.append(paced(take_naively, naive, bodies[began : began + NAIVE]))
    _insist_on_all(store, WARM_UP + ROUNDS * OURS)
    store.close()
    naive.close()
    return _rows(name, ours, theirs, per_s=per_s, times=times)


def take_ours(spine: Spine, bodies: Sequence[bytes]) -> None:
    for start in range(0, len(bodies), BATCH):
        decoded = [decode_report(raw) for raw in bodies[start : start + BATCH]]
        batch = [SubmitReport(report=report, warnings=warnings, via="bench") for report, warnings in decoded]
        outcomes = spine.handle(batch)
        assert all(isinstance(outcome, Taken) and not outcome.repeated for outcome in outcomes)


def take_naively(naive: NaiveDispatcher, bodies: Sequence[bytes]) -> None:
    for raw in bodies:
        answer = naive.take(raw)
        assert "owner" in answer


def paced(take: Callable[[T, Sequence[bytes]], None], by: T, bodies: Sequence[bytes]) -> Pace:
    began, cpu = time.perf_counter(), time.process_time()
    take(by, bodies)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Pace(len(bodies) / took_s, cpu_s / len(bodies) * 1e6)


def _spine(store: Store) -> Spine:
    now = None if store.dialect == "postgresql" else process_clock
    spine = Spine(store, Policies(), Ulids(os.urandom), now=now, elapsed=time.perf_counter, observer=Metrics())
    spine.handle([PublishBundle(bundle=encode_bundle(load_pack(PACK)))])
    return spine


def _insist_on_all(store: Store, count: int) -> None:
    """A fast path that loses something is no path."""
    with store.reading() as connection:
        kept = [
            connection.execute(select(func.count()).select_from(each)).scalar_one()
            for each in (tables.reports, tables.bodies)
        ]
    assert kept == [count, count], kept
    assert store.last_position() == count + 1  # and the bundle


def _rows(name: str, ours: Sequence[Pace], theirs: Sequence[Pace], *, per_s: float, times: float | None) -> list[Row]:
    pace, naive = Rounds.of([each.per_s for each in ours]), Rounds.of([each.per_s for each in theirs])
    cpu, naive_cpu = median(each.cpu_us for each in ours), median(each.cpu_us for each in theirs)
    row = Row(
        name=name,
        figure=pace.median,
        unit="/s",
        baseline="ORM, one transaction per report",
        baseline_figure=naive.median,
        bound=Bound(at_least=per_s),
        spread=str(pace),
        note=f"CPU µs per report {cpu:.0f}, baseline {naive_cpu:.0f} ({naive}/s)",
    )
    if times is None:
        return [row]
    ratios = Rounds.of([mine.per_s / other.per_s for mine, other in zip(ours, theirs, strict=True)])
    faster = Row(
        name=f"{name}.ratio",
        figure=ratios.median,
        unit="x",
        baseline=row.baseline,
        baseline_figure=1,
        bound=Bound(at_least=times),
        spread=str(ratios),
    )
    return [row, faster]
