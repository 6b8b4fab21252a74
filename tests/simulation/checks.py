"""What must hold after every commit. The checker folds the journal itself and believes nothing but rows and clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from dispatcher.core import apply_row, next_due_at
from dispatcher.core.parties import holders, led
from schemas import events as ev
from schemas.incidents import Incident
from schemas.reports import Report
from tests.simulation.faults import hold
from tests.simulation.kinds import BY_TEXT, fits_plan, meet
from tests.simulation.model_store import OPEN, Tables
from tests.simulation.owed import Owed, of_row

_RANK: Final = {"offered": 0, "claimed": 1, "resolved": 2, "closed": 3, "cancelled": 3}
_report = msgspec.json.Decoder(Report).decode


class Checks:
    """Called with the rows of each commit, before anybody else can see them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._position = 0
        self.incidents: dict[str, Incident] = {}
        self.states: dict[tuple[str, int], Incident] = {}
        self.voices: dict[str, str] = {}
        self.owed: dict[tuple[str, str], list[Owed]] = defaultdict(list)
        self._opened_by: dict[str, Report] = {}
        self._rung: set[tuple[str, str, int]] = set()
        self._effects: set[tuple[str, str]] = set()

    def committed(self, rows: Sequence[ev.JournalRow]) -> None:
        for row in rows:
            hold(row.position == self._position + 1, f"position {row.position} after {self._position}")
            self._position = row.position
            hold(row.at <= self._tables.now(), "a row is dated in the future")
            if row.incident_id is not None:
                self._incident_row(row, row.incident_id)
            for event in row.events:
                no_bug = not isinstance(event, ev.DeadLettered) or not event.reason.startswith("engine-error")
                hold(no_bug, f"the engine erred: {event}")
        for incident_id in sorted({row.incident_id for row in rows if row.incident_id is not None}):
            stored = self._tables.incidents[incident_id]
            hold(stored.incident == self.incidents[incident_id], f"{incident_id}: stored state is not the fold")
            hold(stored.due_at == next_due_at(stored.incident), f"{incident_id}: the alarm is not set to what is due")

    def _incident_row(self, row: ev.JournalRow, incident_id: str) -> None:
        before = self.incidents.get(incident_id)
        hold(row.seq == (before.seq if before else 0) + 1, f"{incident_id}: seq {row.seq} after {before}")
        for event in row.events:
            if isinstance(event, ev.RoutingDecided):
                self._routed(event, before)
        after = apply_row(before, row.seq, row.events)
        self.incidents[incident_id] = self.states[incident_id, row.seq] = after
        if before is None:
            hold(fits_plan(BY_TEXT[self._opened_by[incident_id].text or ""], after), f"not as planned: {after}")
        else:
            _moved(before, after, row)
        _stands(after)
        self._clocks(after, row)
        self._one_effect(row)
        for owed in of_row(row, after):
            self.owed[owed.topic, incident_id].append(owed)

    def _routed(self, event: ev.RoutingDecided, joined: Incident | None) -> None:
        report = _report(self._tables.bodies[event.report_id].doc)
        name = f"{report.source}/{report.source_id}"
        hold(name not in self.voices, f"{name} is routed twice")
        self.voices[name] = event.incident_id
        meeting = list(self._could_join(report, event.facts.reported_at))
        if joined is not None:
            hold(event.incident_id in meeting, f"{name} joined what is not its like")
            return
        hold(not meeting, f"{name} opened an incident of its own beside {meeting}")
        self._opened_by[event.incident_id] = report

    def _could_join(self, report: Report, reported_at: datetime) -> Iterator[str]:
        within_s = BY_TEXT[report.text or ""].joins_for_s
        if within_s is None:
            return
        for incident_id, opening in self._opened_by.items():
            incident = self.incidents[incident_id]
            apart_s = abs((incident.reported_at - reported_at).total_seconds())
            if incident.state in OPEN and opening.text == report.text and apart_s <= within_s and meet(opening, report):
                yield incident_id

    def _clocks(self, after: Incident, row: ev.JournalRow) -> None:
        for event in row.events:
            if isinstance(event, ev.ClockBreached):
                name = (after.id, event.clock, after.cycle)
                hold(name not in self._rung, f"{name} rang twice")
                hold(event.due_at < event.fired_at <= self._tables.now(), f"{name} rang early: {event}")
                self._rung.add(name)
        for clock in after.clocks:
            late = clock.stopped_at is not None and clock.stopped_at > clock.due_at
            hold(clock.breached_at is not None or not late, f"{after.id}: nobody was told that {clock} was late")
            rung = (after.id, clock.name, after.cycle) in self._rung
            hold(rung == (clock.breached_at is not None), f"{after.id}: {clock} against the journal")

    def _one_effect(self, row: ev.JournalRow) -> None:
        if not row.command_id or all(isinstance(event, ev.CommandRefused) for event in row.events):
            return
        name = (row.actor, row.command_id)
        hold(name not in self._effects, f"{name} had two effects")
        self._effects.add(name)


def _moved(before: Incident, after: Incident, row: ev.JournalRow) -> None:
    """Status is monotone in (cycle, epoch); only a return leads back within one, where others still have it."""
    then, now = (before.cycle, before.epoch), (after.cycle, after.epoch)
    hold(now >= then, f"{after.id}: {now} after {then}")
    returned = any(isinstance(event, ev.IncidentReturned) for event in row.events) and after.mode != "first-claim"
    forward = _RANK[after.state] >= _RANK[before.state]
    hold(now > then or forward or returned, f"{after.id}: from {before.state} back to {after.state}")
    hold(before.state == after.state or _RANK[before.state] < 3, f"{after.id} was over and is {after.state}")
    new = {offer.responder for offer in after.offers} - {offer.responder for offer in before.offers}
    hold(new <= {after.desk}, f"{after.id} is offered to {new}, whom nobody planned")


def _stands(after: Incident) -> None:
    """What is true of every incident at any time."""
    if after.mode == "first-claim":
        hold(len(holders(after)) <= 1, f"{after.id} is held by {holders(after)}")
    if after.state == "claimed":
        hold(led(after), f"{after.id} is claimed by nobody")
    if after.state == "offered":
        hold(any(offer.state == "offered" for offer in after.offers), f"{after.id} is offered to nobody")
        hold(all(clock.stopped_at is None for clock in after.clocks), f"{after.id} is offered and its clock stands")
    if after.state not in OPEN:
        hold(next_due_at(after) is None, f"{after.id} is done and its clock runs")
        hold(all(offer.state != "offered" for offer in after.offers), f"{after.id} is done and still offered")
    hold(len({offer.responder for offer in after.offers}) == len(after.offers), f"{after.id}: one offer each")
