"""What happens, or why it does not: (incident, command, context) -> events | refusal. Never half.

One function per command, in the room of its subject: offering, handling, ending, correcting, merging.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from dispatcher.core import correcting, ending, handling, merging, offering, storms
from dispatcher.core.clocks import due_at
from dispatcher.core.context import Context, Plan, Verdict
from dispatcher.core.parties import holders, is_open
from schemas import commands as do
from schemas import events as ev
from schemas import refusals as no
from schemas.facts import RoutingDecision
from schemas.incidents import Incident


def decide(incident: Incident | None, command: do.Command, ctx: Context) -> Verdict:
    """Total over all commands about incidents; a command of another kind is a programming error (KeyError)."""
    if isinstance(command, do.SubmitReport):
        return _submit(incident, command, ctx)
    if incident is None:
        return no.UnknownIncident()
    return _DECIDERS[type(command)](incident, command, ctx)


def _submit(incident: Incident | None, command: do.SubmitReport, ctx: Context) -> Verdict:
    plan, report = ctx.plan, command.report
    if plan is None:
        raise ValueError("a report is decided on its plan")
    received = ev.ReportReceived(
        report_id=plan.report_id,
        key=plan.key,
        source=report.source,
        channel=report.channel,
        received_at=ctx.effective(command),
        via=command.via,
        attachments=plan.attachments,
    )
    if report.held_by and incident is None:
        return received, *_held(report.held_by, plan, ctx, ctx.effective(command))
    return received, _decided(plan, ctx, incident)


def _decided(plan: Plan, ctx: Context, incident: Incident | None) -> ev.RoutingDecided:
    return ev.RoutingDecided(
        incident_id=plan.incident_id,
        jurisdiction=plan.jurisdiction,
        report_id=plan.report_id,
        at=ctx.now,
        desk=plan.desk,
        joined=incident is not None,
        state=incident.state if incident else "offered",
        facts=plan.facts,
        decision=plan.decision if incident is None else _as_joined(plan.decision, incident),
    )


def _held(team: str, plan: Plan, ctx: Context, at: datetime) -> tuple[ev.IncidentEvent, ...]:
    """A team took the call itself: it has the incident from the first moment, and the desk gets a copy."""
    decided = _decided(plan, ctx, None)
    if team not in ctx.responders:
        warnings = (*plan.facts.warnings, f"unknown-responder: {team[:60]}")
        return (replace(decided, facts=replace(plan.facts, warnings=warnings)),)
    others = (plan.desk, *plan.decision.copies)
    decision = replace(
        plan.decision,
        owner=team,
        offers=(team,),
        mode="first-claim",
        copies=tuple(dict.fromkeys(it for it in others if it != team)),
    )
    claimed = ev.IncidentClaimed(responder=team, at=min(at, ctx.now), lead=True)
    return replace(decided, decision=decision, state="claimed"), claimed


def _as_joined(decision: RoutingDecision, incident: Incident) -> RoutingDecision:
    return replace(
        decision,
        owner=incident.owner,
        mode=incident.mode,
        offers=tuple(offer.responder for offer in incident.offers if is_open(offer)),
        copies=incident.copies,
        priority=incident.priority,
        claim_due_at=due_at(incident, "claim"),
        resolution_due_at=due_at(incident, "resolution"),
    )


def _read_reporter(incident: Incident, command: do.ReadReporter, ctx: Context) -> Verdict:
    if command.responder is None:
        return no.ResponderRequired()
    may = (incident.desk, *holders(incident), *(holders(ctx.other) if ctx.other else ()))  # a duplicate's are asked too
    if command.responder not in may:
        return no.NotYours()
    return (ev.ReporterRead(report_id=command.report_id, responder=command.responder, at=ctx.effective(command)),)


_DECIDERS: dict[type[do.Command], Callable[..., Verdict]] = {
    do.ClaimIncident: offering.claim,
    do.ReturnIncident: offering.give_back,
    do.ReferIncident: offering.refer,
    do.SetJointHandling: offering.joint,
    do.PlanIncident: handling.plan,
    do.StartWork: handling.start,
    do.PauseWork: handling.pause,
    do.ResumeWork: handling.resume,
    do.NoteProgress: handling.progress,
    **dict.fromkeys(handling.UNIT_VERBS, handling.unit),
    do.ExtendIncident: handling.extend,
    do.DeferIncident: handling.defer,
    do.UrgeIncident: handling.urge,
    do.SuperviseIncident: handling.supervise,
    do.PrioritizeIncident: handling.prioritize,
    do.CorrectIncident: correcting.correct,
    do.UndoStep: correcting.undo,
    do.ResolveIncident: ending.resolve,
    do.FollowUpIncident: ending.follow_up,
    do.CloseIncident: ending.close,
    do.ReopenIncident: ending.reopen,
    do.CancelIncident: ending.cancel,
    do.MergeIncident: merging.merge,
    do.AttachDuplicate: merging.attach,
    do.UnmergeIncident: merging.unmerge,
    do.DetachDuplicate: merging.detach,
    do.FireDue: ending.fire,
    do.GatherStorm: storms.gather,
    do.ReadReporter: _read_reporter,
}
