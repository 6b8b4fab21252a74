"""What a command about an incident is decided on, beside the incident itself: only what this command needs."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from dispatcher.core import Context, LastRow, Plan, fold
from dispatcher.service.arrivals import keyed
from dispatcher.service.working import Working
from routing_rules import Compiled, perceive, route
from schemas import commands as do
from schemas import events as ev
from schemas.command_bodies import CorrectBody
from schemas.facts import Facts
from schemas.incidents import Incident
from schemas.reports import Report

_report = msgspec.json.Decoder(Report).decode


class Contexts:
    """Made once per turn, after its incidents were loaded."""

    def __init__(self, work: Working) -> None:
        self._work = work

    def others(self, batch: Iterable[do.Command]) -> set[str]:
        """The second incidents of merges: named by the command, or by the duplicate as it stands."""
        found: set[str] = set()
        for command in batch:
            if isinstance(command, do.MergeIncident):
                found.add(command.body.into)
            elif isinstance(command, do.UnmergeIncident):
                duplicate = self._work.incidents.get(command.incident_id)
                if duplicate is not None and duplicate.merged_into is not None:
                    found.add(duplicate.merged_into)
        return found

    def surviving(self, incident: Incident) -> Incident | None:
        """The incident that goes on for a duplicate, however often it was merged on; None = it goes on itself."""
        found, seen = incident, {incident.id}
        while found.merged_into is not None and found.merged_into not in seen:
            seen.add(found.merged_into)
            self._work.load_also([found.merged_into])
            found = self._work.incidents.get(found.merged_into, found)
        return found if found is not incident else None

    def of(self, incident: Incident | None, command: do.IncidentCommand, body_ref: str | None) -> Context:
        plain = Context(now=self._work.now_of(command), body_ref=body_ref)
        return plain if incident is None else replace(plain, **self._more(incident, command))

    def _more(self, incident: Incident, command: do.IncidentCommand) -> dict[str, Any]:
        incidents, more = self._work.incidents, dict[str, Any]()
        match command:
            case do.ReferIncident() | do.ReturnIncident() | do.SetJointHandling():
                more = {"responders": self._policy(incident).responders.keys()}
            case do.MergeIncident():
                more = {"other": incidents.get(command.body.into)}
            case do.UnmergeIncident():
                more = {"other": incidents.get(incident.merged_into or "")}
            case do.UndoStep():
                more = {"last": self._last(incident)}
            case do.CorrectIncident():
                more = {"plan": self._corrected(incident, command)}
            case do.ReopenIncident() | do.FollowUpIncident():
                more = {"plan": self._anew(incident, command)}
            case _:
                pass
        return more

    def _policy(self, incident: Incident) -> Compiled:
        """The bundle in force there; the home one's when its own jurisdiction has none any more."""
        policies = self._work.policies
        return policies.of_jurisdiction(incident.jurisdiction) or policies.home_policy

    def _last(self, incident: Incident) -> LastRow | None:
        """The newest row, and the fold of those before it."""
        rows = self._work.history(incident)
        before = fold(rows[:-1])
        return None if before is None else LastRow(before, *rows[-1])

    def _corrected(self, incident: Incident, command: do.CorrectIncident) -> Plan:
        """The first report as it is now understood. An erased one is known by its facts only."""
        body, policy, known = command.body, self._policy(incident), _facts_of(self._work.history(incident))
        stored = self._work.txn.body(incident.report_id)
        if stored is not None and stored.doc:
            told = _put_right(_report(stored.doc), body, incident, known)
            facts = perceive(told, policy, incident.reported_at)
        else:
            facts = replace(known, area=body.area or known.area, attributes=known.attributes | body.attributes)
            facts = replace(facts, category=body.category or known.category)
        if body.place is None and body.location is None:
            facts = replace(facts, cell=incident.cell, place_key=incident.place_key)
        elif facts.place_key is not None:
            facts = replace(facts, place_key=keyed(self._work.secret, facts.place_key.encode()).hex())
        return self._plan(incident, command, facts)

    def _anew(self, incident: Incident, command: do.IncidentCommand) -> Plan:
        """As if it were reported now."""
        now = self._work.now_of(command)
        facts = replace(_facts_of(self._work.history(incident)), reported_at=now)
        return self._plan(incident, command, facts)

    def _plan(self, incident: Incident, command: do.IncidentCommand, facts: Facts) -> Plan:
        policy = self._policy(incident)
        return Plan(
            report_id=incident.report_id,
            incident_id=incident.id,
            key="",
            jurisdiction=incident.jurisdiction,
            desk=incident.desk,
            facts=facts,
            decision=route(facts, policy, self._work.now_of(command)),
        )


def _put_right(report: Report, body: CorrectBody, incident: Incident, known: Facts) -> Report:
    """The report with what was understood by now, and with what this command says. Later words count."""
    return replace(
        report,
        category=body.category or incident.category or report.category,
        area=body.area or incident.area or report.area,
        place=body.place if body.place is not None else report.place,
        location=body.location if body.location is not None else report.location,
        attributes=report.attributes | known.attributes | body.attributes,
        reported_at=incident.reported_at,
    )


def _facts_of(rows: Sequence[tuple[int, tuple[ev.AnyEvent, ...]]]) -> Facts:
    """As last understood: by the opening report, or by the newest correction."""
    opening, corrections = [], []
    for _, events in rows:
        opening += [event.facts for event in events if isinstance(event, ev.RoutingDecided) and not event.joined]
        corrections += [event.facts for event in events if isinstance(event, ev.IncidentCorrected)]
    return corrections[-1] if corrections else opening[0]
