"""The end and what may come after it: resolve, follow up, close, reopen, cancel, the alarm."""

from dispatcher.core.clocks import ringing, unconfirmed
from dispatcher.core.context import Context, Verdict
from dispatcher.core.guards import acting, permitted, said, stale, withdrawn
from dispatcher.core.lifecycle import LIFECYCLE, OPEN
from dispatcher.core.parties import holders, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import (
    CancelIncident,
    CloseIncident,
    FireDue,
    FollowUpIncident,
    IncidentCommand,
    ReopenIncident,
    ResolveIncident,
)
from schemas.incidents import Incident


def resolve(incident: Incident, command: ResolveIncident, ctx: Context) -> Verdict:
    who = acting(incident, command)
    if isinstance(who, no.Refusal):
        return who
    if refusal := stale(incident, command) or _may_not_resolve(incident, who, command.body.reason):
        return refusal
    at = ctx.effective(command)
    keeps = (who,) if who in holders(incident) else ()  # a desk that resolves what it never took has no offer left
    return (
        *ringing(incident, at),
        ev.IncidentResolved(responder=who, at=at, body_ref=ctx.body_ref),
        *withdrawn(incident, keeps, at, "resolved"),
    )


def _may_not_resolve(incident: Incident, who: str, reason: str | None) -> no.Refusal | None:
    move, holds = LIFECYCLE["resolve"], who in holders(incident)
    if who == incident.desk and not holds and incident.state in move.desk_from:
        return None if said(reason) else no.ReasonRequired()
    if holds or (incident.state == "offered" and offer_of(incident, who)) or incident.state not in OPEN:
        return None if holds and incident.state in move.states else no.NotAllowedInState(state=incident.state)
    return no.NotYours()


def follow_up(incident: Incident, command: FollowUpIncident, ctx: Context) -> Verdict:
    """Solved closes, not solved opens the next cycle; anything else is only kept."""
    who, at, body = permitted(incident, command, "follow-up"), ctx.effective(command), command.body
    if isinstance(who, no.Refusal):
        return who
    asked = ev.FollowedUp(responder=who, at=at, solved=body.solved, satisfied=body.satisfied, body_ref=ctx.body_ref)
    if body.solved is None:
        return (asked,)
    if body.solved:
        return asked, ev.IncidentClosed(responder=who, at=at)
    return asked, *_reopened(incident, command, ctx, who)


def close(incident: Incident, command: CloseIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "close", who=command.body.responder or incident.desk)
    if isinstance(who, no.Refusal):
        return who
    return (ev.IncidentClosed(responder=who, at=ctx.effective(command)),)


def reopen(incident: Incident, command: ReopenIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "reopen")
    return who if isinstance(who, no.Refusal) else _reopened(incident, command, ctx, who)


def _reopened(incident: Incident, command: IncidentCommand, ctx: Context, who: str) -> tuple[ev.IncidentEvent, ...]:
    """Whoever had it is asked again, with clocks as if it were reported now; nobody had it: as the rules say."""
    if ctx.plan is None:
        raise ValueError("reopening is decided on a plan")
    at, decision = ctx.effective(command), ctx.plan.decision
    responders = holders(incident) or decision.offers
    reopened = ev.IncidentReopened(
        responder=who,
        cycle=incident.cycle + 1,
        at=at,
        claim_due_at=decision.claim_due_at,
        resolution_due_at=decision.resolution_due_at,
        body_ref=ctx.body_ref,
    )
    owner = incident.owner if incident.owner in responders else responders[0]
    return reopened, ev.IncidentReoffered(responders=responders, epoch=1, at=at, owner=owner)


def cancel(incident: Incident, command: CancelIncident, ctx: Context) -> Verdict:
    who = command.body.responder or incident.desk
    if who != incident.desk:
        return no.NotYours()
    who_or_not = permitted(incident, command, "cancel", who=who)
    if isinstance(who_or_not, no.Refusal):
        return who_or_not
    at = ctx.effective(command)
    return (
        *ringing(incident, at),
        ev.IncidentCancelled(responder=who, at=at, body_ref=ctx.body_ref),
        *withdrawn(incident, (), at, "cancelled"),
    )


def fire(incident: Incident, command: FireDue, ctx: Context) -> Verdict:
    """Alarms that have become due; and the end of what nobody confirmed."""
    at = ctx.effective(command)
    if unconfirmed(incident, at):
        return (ev.IncidentClosed(responder=incident.desk, at=at, unconfirmed=True),)
    return ringing(incident, at)
