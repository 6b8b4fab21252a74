"""What must hold after every commit. The checker folds the journal itself and believes nothing but rows and clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from dispatcher.core import evolve, next_due_at
from dispatcher.core.lifecycle import UNDO_WITHIN_S
from schemas import events as ev
from schemas.incidents import Incident
from schemas.reports import Report
from tests.simulation.clock_oracle import ClockOracle
from tests.simulation.faults import hold
from tests.simulation.model_store import Tables
from tests.simulation.owed import Owed, of_row
from tests.simulation.plan_oracle import PlanOracle
from tests.simulation.standing import hold_together, moved, stands

_ASIDE: Final = (ev.ClockBreached, ev.OfferWithdrawn, ev.CommandAccepted)
_NO_EFFECT: Final = (ev.CommandRefused, ev.DuplicateAttached, ev.DuplicateDetached)
_report = msgspec.json.Decoder(Report).decode


class Checks:
    """Called with the rows of each commit, before anybody else can see them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._plan = PlanOracle()
        self._clocks = ClockOracle()
        self._position = 0
        self.incidents: dict[str, Incident] = {}
        self.states: dict[tuple[str, int], Incident] = {}
        self.reports: dict[str, str] = {}
        self.owed: dict[tuple[str, str], list[Owed]] = defaultdict(list)
        self._newest: dict[str, ev.JournalRow] = {}
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
            hold_together(incident_id, self.incidents)
        voices = sum(it.voices for it in self.incidents.values() if it.merged_into is None)
        hold(voices == len(self.reports), f"{len(self.reports)} reports have {voices} voices")

    def _incident_row(self, row: ev.JournalRow, incident_id: str) -> None:
        before = self.incidents.get(incident_id)
        hold(row.seq == (before.seq if before else 0) + 1, f"{incident_id}: seq {row.seq} after {before}")
        for event in row.events:
            if isinstance(event, ev.RoutingDecided):
                self._routed(event)
        after = self._folded(row, before)
        self.incidents[incident_id] = self.states[incident_id, row.seq] = after
        self._plan.row(row, before, after, self._tables.now())
        if before is not None:
            moved(before, after, row)
        stands(after)
        self._one_effect(row)
        self._newest[incident_id] = row
        for owed in of_row(row, after):
            self.owed[owed.topic, incident_id].append(owed)

    def _routed(self, event: ev.RoutingDecided) -> None:
        report = _report(self._tables.bodies[event.report_id].doc)
        name = f"{report.source}/{report.source_id}"
        hold(name not in self.reports, f"{name} is routed twice")
        self.reports[name] = event.incident_id
        self._plan.routed(report, event, self.incidents, self._tables.now())

    def _folded(self, row: ev.JournalRow, before: Incident | None) -> Incident:
        """The incident after the row, its clocks counted event by event."""
        counted, state = self._clocks.before(row), before
        for event in row.events:
            folded = evolve(state, event)
            if folded is None:  # received, and not yet routed
                continue
            if isinstance(event, ev.StepUndone):
                self._undone(row, event, folded)
                counted = self._clocks.undone(row, self._newest[folded.id])
            else:
                counted = self._clocks.event(counted, event, state, folded)
            state = folded
        hold(state is not None, "the first row of an incident does not open it")
        after = replace(state, seq=row.seq)  # type: ignore[type-var]
        self._clocks.row(row, counted, after)  # type: ignore[arg-type]
        return after  # type: ignore[return-value]

    def _undone(self, row: ev.JournalRow, undone: ev.StepUndone, after: Incident) -> None:
        """Only the newest step, by whoever did it, soon after; and then all is as before, but for what has rung."""
        newest = self._newest[after.id]
        hold(undone.seq == newest.seq == row.seq - 1, f"{after.id}: {undone.seq} is undone, newest {newest.seq}")
        (step,) = [event for event in newest.events if not isinstance(event, _ASIDE)]
        hold(undone.responder == step.responder, f"{after.id}: {undone.responder} takes back {step}")  # type: ignore[union-attr]
        age_s = (undone.at - step.at).total_seconds()  # type: ignore[union-attr]
        hold(age_s <= UNDO_WITHIN_S, f"{after.id}: taken back after {age_s} s")
        then = self.states[after.id, undone.seq - 1]
        same = replace(after, clocks=(), seq=0) == replace(then, clocks=(), seq=0)
        hold(same, f"{after.id}: {after} is not as it was: {then}")

    def _one_effect(self, row: ev.JournalRow) -> None:
        """A command does what it does once; a merge writes a second row, on the incident that stays."""
        if not row.command_id or any(isinstance(event, _NO_EFFECT) for event in row.events):
            return
        name = (row.actor, row.command_id)
        hold(name not in self._effects, f"{name} had two effects")
        self._effects.add(name)
