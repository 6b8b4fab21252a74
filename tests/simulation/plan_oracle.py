"""Who may be offered an incident, and which reports may join it: by the plan and by what the desk said since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from dispatcher.core.parties import holders, is_open
from schemas import events as ev
from schemas.incidents import OPEN_STATES, Incident
from schemas.reports import Report
from tests.simulation.faults import hold
from tests.simulation.kinds import BY_CATEGORY, BY_TEXT, Kind, fits_decision, fits_plan, meet

_OPEN: Final = frozenset(OPEN_STATES)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class PlanOracle:
    def __init__(self) -> None:
        self._named: dict[str, set[str]] = {}
        self._opened_by: dict[str, Report] = {}
        self._joinable: dict[tuple[str, int], bool] = {}
        self._since: dict[str, datetime] = {}  # when it last became one that others of its kind may join

    # ── reports ──────────────────────────────────────────────────────────────────────────────────
    def routed(self, report: Report, event: ev.RoutingDecided, incidents: dict[str, Incident], now: datetime) -> None:
        name = f"{report.source}/{report.source_id}"
        meeting = list(self._could_join(report, event.facts.reported_at, incidents))
        if event.joined:
            hold(event.incident_id in meeting, f"{name} joined what is not its like")
            return
        # one that became its like in this very instant may have been looked for just before
        missed = [each for each in meeting if self._since[each] != now]
        hold(not missed, f"{name} opened an incident of its own beside {missed}")
        self._opened_by[event.incident_id] = report

    def _could_join(self, report: Report, reported_at: datetime, incidents: dict[str, Incident]) -> Iterator[str]:
        kind = BY_TEXT[report.text or ""]
        if kind.joins_for_s is None:
            return
        for incident_id, opening in self._opened_by.items():
            incident = incidents[incident_id]
            near = abs((incident.reported_at - reported_at).total_seconds()) <= kind.joins_for_s
            joinable = self._joinable[incident_id, incident.seq] and incident.category == kind.category
            if joinable and near and meet(opening, report):
                yield incident_id

    # ── offers ───────────────────────────────────────────────────────────────────────────────────
    def row(self, row: ev.JournalRow, before: Incident | None, after: Incident, now: datetime) -> None:
        if before is None:
            self._opened(row, after)
        else:
            for event in row.events:
                self._named_by(event, before, after)
        named = self._named[after.id] | {after.desk}
        asked = {offer.responder for offer in after.offers if is_open(offer)}
        hold(asked <= named, f"{after.id} is offered to {asked - named}, whom nobody named")
        self._may_be_joined(row, before, after, now)

    def _opened(self, row: ev.JournalRow, after: Incident) -> None:
        opening = self._opened_by[after.id]
        held = any(isinstance(event, ev.IncidentClaimed) for event in row.events)
        held_by = str(opening.held_by) if held else None
        hold(fits_plan(_kind(opening.text), after, held_by=held_by), f"not as planned: {after}")
        self._named[after.id] = {offer.responder for offer in after.offers}

    def _named_by(self, event: ev.AnyEvent, before: Incident, after: Incident) -> None:
        kind = BY_CATEGORY[after.category]
        match event:
            case ev.IncidentReferred():
                self._named[after.id] = {event.to}
            case ev.JointHandlingSet():
                asked = {offer.responder for offer in after.offers if is_open(offer)}
                self._named[after.id] |= asked | {event.lead}
            case ev.IncidentCorrected():
                hold(fits_decision(kind, event.decision), f"{after.id} is not corrected as planned: {event.decision}")
                self._named[after.id] = set(kind.offers)
                asked = {offer.responder for offer in after.offers if offer.state == "offered"}
                hold(holders(after) or set(kind.offers) <= asked, f"{after.id}: not all of {kind.offers} are asked")
            case ev.IncidentReopened():
                had = holders(before)
                self._named[after.id] = set(had or kind.offers)
                asked = {offer.responder for offer in after.offers}
                hold(asked == set(had or kind.offers), f"{after.id} is reopened for {asked}, had by {had}")
            case _:
                pass

    # ── who may join it from now on ──────────────────────────────────────────────────────────────
    def _may_be_joined(self, row: ev.JournalRow, before: Incident | None, after: Incident, now: datetime) -> None:
        if before is None:
            opening = self._opened_by[after.id]
            placed = opening.place is not None or opening.location is not None
            was = _kind(opening.text).joins_for_s is not None and placed
        else:
            was = self._joinable[after.id, row.seq - 1]
        may = was
        for event in row.events:
            if isinstance(event, ev.StepUndone):
                may = self._joinable[after.id, event.seq - 1]
            if isinstance(event, ev.IncidentCorrected):
                may = may and not event.moved
        may = may and after.state in _OPEN
        self._joinable[after.id, row.seq] = may
        if before is None or not was or before.category != after.category:
            self._since[after.id] = _EVER if before is None else now


def _kind(text: str | None) -> Kind:
    return BY_TEXT[text or ""]
