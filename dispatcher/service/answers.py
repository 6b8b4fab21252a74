"""Outcomes rendered from events and states, so that a repeated answer is equal whatever happened since."""

from collections.abc import Iterable

from dispatcher.core.clocks import due_at
from dispatcher.core.parties import holders, holding
from schemas.events import AnyEvent, RoutingDecided
from schemas.incidents import Incident
from schemas.outcomes import CommandAnswer
from schemas.reports import ReportAnswer


def report_answer(decided: RoutingDecided) -> ReportAnswer:
    decision, facts = decided.decision, decided.facts
    return ReportAnswer(
        report_id=decided.report_id,
        incident_id=decided.incident_id,
        state=decided.state,
        category=facts.category,
        priority=decision.priority,
        owner=decision.owner,
        mode=decision.mode,
        offers=decision.offers,
        copies=decision.copies,
        joined=decided.joined,
        claim_due_at=decision.claim_due_at,
        resolution_due_at=decision.resolution_due_at,
        rule=decision.rule,
        bundle=decision.bundle,
        reasons=decision.reasons,
        warnings=facts.warnings,
    )


def decided_of(report_id: str, events: Iterable[AnyEvent]) -> RoutingDecided:
    """The routing event of this report in its journal row; StopIteration would mean a broken journal."""
    return next(event for event in events if isinstance(event, RoutingDecided) and event.report_id == report_id)


def command_answer(incident: Incident) -> CommandAnswer:
    lead = holding(incident)
    return CommandAnswer(
        incident_id=incident.id,
        state=incident.state,
        cycle=incident.cycle,
        epoch=incident.epoch,
        seq=incident.seq,
        holder=lead.responder if lead else None,
        holders=holders(incident),
        claimed_at=lead.claimed_at if lead else None,
        resolved_at=incident.resolved_at,
        closed_at=incident.closed_at,
        promised_at=incident.promised_at,
        claim_due_at=due_at(incident, "claim"),
        resolution_due_at=due_at(incident, "resolution"),
    )
