"""When the resolution clock must be due, and what has rung: counted by hand from the events, without the engine.

A clock of the incident's rule, moved by granted extensions, and later by as long as work stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from dispatcher.core.clocks import clock_of
from schemas import events as ev
from schemas.incidents import Incident
from tests.simulation.faults import hold

_NO_SPAN: Final = timedelta(0)
Instant = tuple[str, int, datetime]  # clock, cycle, due


@dataclass(frozen=True, slots=True)
class Counted:
    """`since` = work stands, `clock_since` = the clock due at `due_at` stands; `stood` = ended pauses of the cycle.

    `rung` = clocks whose alarm is told, `instants` = what was rung for.
    """

    due_at: datetime | None = None
    since: datetime | None = None
    clock_since: datetime | None = None
    stood: timedelta = _NO_SPAN
    rung: frozenset[str] = frozenset()
    instants: frozenset[Instant] = field(default=frozenset())

    def without(self, *names: str) -> Counted:
        """These clocks begin anew: what rang before was another clock."""
        kept = frozenset(it for it in self.instants if it[0] not in names)
        return replace(self, rung=self.rung - set(names), instants=kept)


class ClockOracle:
    def __init__(self) -> None:
        self._counted: dict[tuple[str, int], Counted] = {}

    def event(self, counted: Counted, event: ev.AnyEvent, before: Incident | None, after: Incident) -> Counted:
        """What is so after the event, which led from `before` to `after`."""
        match event:
            case ev.RoutingDecided(joined=False):
                return Counted(event.decision.resolution_due_at)
            case ev.IncidentReopened():
                return Counted(event.resolution_due_at)
            case ev.ClockBreached():
                return _rang(counted, event, after)
            case ev.WorkPaused():
                return _paused(counted, event.at).without("recheck")
            case ev.ExtensionDecided(until=datetime()):
                clock_since = None if counted.clock_since is None else event.at
                rung = counted.rung - {"resolution"}
                return replace(counted, due_at=event.until, clock_since=clock_since, rung=rung)
            case ev.IncidentCorrected():
                counted = _corrected(counted, event, before, after)
            case ev.IncidentResolved():
                counted = counted.without("confirm")
            case _:
                pass
        return _gone_on(counted, event, after)

    def row(self, row: ev.JournalRow, counted: Counted, after: Incident) -> None:
        """Hold what is kept against what was counted."""
        incident_id = row.incident_id or ""
        self._counted[incident_id, row.seq] = counted
        clock = clock_of(after, "resolution")
        due_at = None if clock is None else clock.due_at
        hold(due_at == counted.due_at, f"{incident_id}: due {due_at}, counted {counted.due_at}")
        for clock in after.clocks:
            rung = clock.name in counted.rung
            hold(rung == (clock.breached_at is not None), f"{incident_id}: {clock} against the journal")
            late = clock.stopped_at is not None and clock.stopped_at > clock.due_at and clock.name != "confirm"
            hold(rung or not late, f"{incident_id}: nobody was told that {clock} was late")

    def before(self, row: ev.JournalRow) -> Counted:
        return self._counted.get((row.incident_id or "", row.seq - 1), Counted())

    def undone(self, row: ev.JournalRow, newest: ev.JournalRow) -> Counted:
        """As it was counted before the newest row, which is taken back, but for what rang in it."""
        now, then = self.before(row), self._counted[row.incident_id or "", newest.seq - 1]
        rang = {event.clock for event in newest.events if isinstance(event, ev.ClockBreached)}
        return replace(then, rung=then.rung | rang, instants=now.instants | then.instants)


def _rang(counted: Counted, event: ev.ClockBreached, after: Incident) -> Counted:
    name = (event.clock, after.cycle, event.due_at)
    hold(name not in counted.instants, f"{after.id}: {name} rang twice")
    hold(event.clock not in counted.rung, f"{after.id}: {event.clock} rang again")
    hold(event.due_at < event.fired_at, f"{after.id}: {name} rang early: {event}")
    if event.clock == "resolution":
        hold(event.due_at == counted.due_at, f"{after.id}: rang for {event.due_at}, due {counted.due_at}")
        before = counted.clock_since is None or event.due_at < counted.clock_since
        hold(before, f"{after.id}: the resolution clock rang while work stands")
    return replace(counted, rung=counted.rung | {event.clock}, instants=counted.instants | {name})


def _paused(counted: Counted, at: datetime) -> Counted:
    """Where work stands already, it stands for another reason from now on; the clock stands on."""
    clock_since = None if counted.due_at is None else counted.clock_since or at
    stood = counted.stood + (_NO_SPAN if counted.since is None else max(_NO_SPAN, at - counted.since))
    return replace(counted, since=at, clock_since=clock_since, stood=stood)


def _corrected(counted: Counted, event: ev.IncidentCorrected, before: Incident | None, after: Incident) -> Counted:
    """Under another rule the clock is another one; the time that work stood is not counted for it, too."""
    if before is not None and event.decision.rule != before.rule:
        counted = _another(counted, event, after)
    was, now = (None if it is None else clock_of(it, "claim") for it in (before, after))
    changed = was is None or now is None or (was.due_at, was.started_at) != (now.due_at, now.started_at)
    return counted.without("claim") if changed else counted


def _another(counted: Counted, event: ev.IncidentCorrected, after: Incident) -> Counted:
    due_at = event.decision.resolution_due_at
    if due_at is None:
        return replace(counted, due_at=None, clock_since=None).without("resolution")
    goes_on = counted.since is not None and after.state != "paused"
    stood = counted.stood + (max(_NO_SPAN, event.at - counted.since) if goes_on and counted.since else _NO_SPAN)
    if due_at + stood == counted.due_at:
        return counted
    since = None if goes_on else counted.since
    return replace(counted, due_at=due_at + stood, clock_since=since).without("resolution")


def _gone_on(counted: Counted, event: ev.AnyEvent, after: Incident) -> Counted:
    """Work stands no more: the clock is due later by as long as it stood."""
    if counted.since is None or after.state == "paused":
        return counted
    at: datetime = event.at  # type: ignore[union-attr]
    shift = _NO_SPAN if counted.clock_since is None else max(_NO_SPAN, at - counted.clock_since)
    due_at = None if counted.due_at is None else counted.due_at + shift
    stood = counted.stood + max(_NO_SPAN, at - counted.since)
    return replace(counted, due_at=due_at, since=None, clock_since=None, stood=stood)
