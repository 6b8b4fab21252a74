"""What happens, or why it does not: (incident, command, context) -> events | refusal. Never half."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from dispatcher.core.clocks import due_at, ringing
from dispatcher.core.lifecycle import LIFECYCLE, OPEN
from dispatcher.core.parties import holders, holding, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import (
    CancelIncident,
    ClaimIncident,
    CloseIncident,
    Command,
    FireDue,
    IncidentCommand,
    ReadReporter,
    ResolveIncident,
    ReturnIncident,
    SubmitReport,
)
from schemas.facts import Facts, RoutingDecision
from schemas.incidents import Incident, Offer

Verdict = tuple[ev.IncidentEvent, ...] | no.Refusal


class Plan(Struct, frozen=True, gc=False):
    """What was found out about a report before deciding. `key` = keyed hash of (source, source_id), hex."""

    report_id: str
    incident_id: str
    key: str
    jurisdiction: str
    desk: str
    facts: Facts
    decision: RoutingDecision


class Context(Struct, frozen=True, gc=False):
    """Values from outside: `now` of the batch, `plan` of a report, `body_ref` of a command's free text."""

    now: datetime
    plan: Plan | None = None
    body_ref: str | None = None

    def effective(self, command: Command) -> datetime:
        """When the command counts: as received, but never after the handling."""
        return self.now if command.effective_at is None else min(command.effective_at, self.now)


def decide(incident: Incident | None, command: Command, ctx: Context) -> Verdict:
    """Total over all commands about incidents; a command of another kind is a programming error (KeyError)."""
    if isinstance(command, SubmitReport):
        return _submit(incident, command, ctx)
    if incident is None:
        return no.UnknownIncident()
    return _DECIDERS[type(command)](incident, command, ctx)


def _submit(incident: Incident | None, command: SubmitReport, ctx: Context) -> Verdict:
    plan = ctx.plan
    if plan is None:
        raise ValueError("a report is decided on its plan")
    received = ev.ReportReceived(
        report_id=plan.report_id,
        key=plan.key,
        source=command.report.source,
        channel=command.report.channel,
        received_at=ctx.effective(command),
        via=command.via,
    )
    return received, ev.RoutingDecided(
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


def _as_joined(decision: RoutingDecision, incident: Incident) -> RoutingDecision:
    return replace(
        decision,
        owner=incident.owner,
        mode=incident.mode,
        offers=tuple(offer.responder for offer in incident.offers if offer.state in ("offered", "claimed")),
        copies=incident.copies,
        priority=incident.priority,
        claim_due_at=due_at(incident, "claim"),
        resolution_due_at=due_at(incident, "resolution"),
    )


def _claim(incident: Incident, command: ClaimIncident, ctx: Context) -> Verdict:
    offer = _answered(incident, command)
    if isinstance(offer, no.Refusal):
        return offer
    if offer.state == "claimed" and incident.state in LIFECYCLE["claim"].states:
        return ()
    if refusal := _stale(incident, command) or _barred(incident, "claim", None) or _lost(incident, offer):
        return refusal
    return _claimed(incident, command, ctx, offer.responder)


def _answered(incident: Incident, command: IncidentCommand) -> Offer | no.Refusal:
    """The offer of whoever acts; only candidates have one."""
    who = acting(incident, command)
    if isinstance(who, no.Refusal):
        return who
    return offer_of(incident, who) or no.NotCandidate()


def _lost(incident: Incident, offer: Offer) -> no.Refusal | None:
    """Why this offer can no longer be taken."""
    if offer.state == "offered":
        return None
    holder = holding(incident)
    if holder is None or holder.claimed_at is None or offer.state == "returned":
        return no.OfferWithdrawnRefusal()
    return no.AlreadyClaimed(holder=holder.responder, claimed_at=holder.claimed_at)


def _claimed(incident: Incident, command: ClaimIncident, ctx: Context, who: str) -> tuple[ev.IncidentEvent, ...]:
    at = ctx.effective(command)
    lead = incident.state == "offered" and (incident.mode != "all" or who == incident.owner)
    claimed = ev.IncidentClaimed(
        responder=who,
        at=at,
        lead=lead,
        crew_sent=command.body.crew_sent,
        promised_at=command.body.promised_at,
        body_ref=ctx.body_ref,
    )
    rung = ringing(incident, at, only="claim") if lead else ()
    losers = _withdrawn(incident, ("offered",), who, at, "claimed") if incident.mode == "first-claim" else ()
    return (*rung, claimed, *losers)


def _return(incident: Incident, command: ReturnIncident, ctx: Context) -> Verdict:
    offer = _answered(incident, command)
    if isinstance(offer, no.Refusal):
        return offer
    if refusal := _stale(incident, command) or _barred(incident, "return", command.body.reason):
        return refusal
    if offer.state not in ("offered", "claimed"):
        return no.NotYours()
    at = ctx.effective(command)
    returned = ev.IncidentReturned(responder=offer.responder, at=at, body_ref=ctx.body_ref)
    anew = _offered_anew(incident, offer.responder)
    if not anew:
        return (returned,)
    return returned, ev.IncidentReoffered(responders=anew, epoch=incident.epoch + 1, at=at)


def _offered_anew(incident: Incident, who: str) -> tuple[str, ...]:
    """Who is asked when `who` gives it back: () while others still have it, else who lost before, else the desk."""
    others = [offer for offer in incident.offers if offer.responder != who]
    if incident.mode == "all" and who == incident.owner:
        return (incident.desk,)
    if any(offer.state in ("offered", "claimed") for offer in others):
        return ()
    return tuple(offer.responder for offer in others if offer.state == "withdrawn") or (incident.desk,)


def _resolve(incident: Incident, command: ResolveIncident, ctx: Context) -> Verdict:
    who = acting(incident, command)
    if isinstance(who, no.Refusal):
        return who
    if refusal := _stale(incident, command) or _may_not_resolve(incident, who, command.body.reason):
        return refusal
    at = ctx.effective(command)
    keeps = who if who in holders(incident) else None  # a desk that resolves what it never took has no offer left
    return (
        *ringing(incident, at),
        ev.IncidentResolved(responder=who, at=at, body_ref=ctx.body_ref),
        *_withdrawn(incident, ("offered", "claimed"), keeps, at, "resolved"),
    )


def _may_not_resolve(incident: Incident, who: str, reason: str | None) -> no.Refusal | None:
    move, holds = LIFECYCLE["resolve"], who in holders(incident)
    if who == incident.desk and not holds and incident.state in move.desk_from:
        return None if (reason or "").strip() else no.ReasonRequired()
    if holds or (incident.state == "offered" and offer_of(incident, who)) or incident.state not in OPEN:
        return None if holds and incident.state in move.states else no.NotAllowedInState(state=incident.state)
    return no.NotYours()


def _close(incident: Incident, command: CloseIncident, ctx: Context) -> Verdict:
    who = command.body.responder or incident.desk
    if who != incident.desk and who not in holders(incident):
        return no.NotYours()
    if refusal := _stale(incident, command) or _barred(incident, "close", None):
        return refusal
    return (ev.IncidentClosed(responder=who, at=ctx.effective(command)),)


def _cancel(incident: Incident, command: CancelIncident, ctx: Context) -> Verdict:
    who = command.body.responder or incident.desk
    if who != incident.desk:
        return no.NotYours()
    if refusal := _stale(incident, command) or _barred(incident, "cancel", command.body.reason):
        return refusal
    at = ctx.effective(command)
    return (
        *ringing(incident, at),
        ev.IncidentCancelled(responder=who, at=at, body_ref=ctx.body_ref),
        *_withdrawn(incident, ("offered", "claimed"), None, at, "cancelled"),
    )


def _fire(incident: Incident, command: FireDue, ctx: Context) -> Verdict:
    return ringing(incident, ctx.effective(command))


def _read_reporter(incident: Incident, command: ReadReporter, ctx: Context) -> Verdict:
    if command.responder is None:
        return no.ResponderRequired()
    if command.responder != incident.desk and command.responder not in holders(incident):
        return no.NotYours()
    return (ev.ReporterRead(report_id=command.report_id, responder=command.responder, at=ctx.effective(command)),)


def acting(incident: Incident, command: IncidentCommand) -> str | no.Refusal:
    """Who acts: the responder named, else the only holder."""
    named: str | None = command.body.responder  # type: ignore[attr-defined]
    if named is not None:
        return named
    held_by = holders(incident)
    return held_by[0] if len(held_by) == 1 else no.ResponderRequired()


def _stale(incident: Incident, command: IncidentCommand) -> no.Refusal | None:
    body = command.body  # type: ignore[attr-defined]
    cycle, epoch = body.cycle or incident.cycle, body.epoch or incident.epoch
    if (cycle, epoch) == (incident.cycle, incident.epoch):
        return None
    return no.OfferWithdrawnRefusal(detail=f"the offer now open is cycle {incident.cycle}, epoch {incident.epoch}")


def _barred(incident: Incident, verb: str, reason: str | None) -> no.Refusal | None:
    move = LIFECYCLE[verb]
    if incident.state not in move.states:
        return no.NotAllowedInState(state=incident.state)
    if move.reason_required and not (reason or "").strip():
        return no.ReasonRequired()
    return None


def _withdrawn(
    incident: Incident, states: tuple[str, ...], but: str | None, at: datetime, because: str
) -> tuple[ev.OfferWithdrawn, ...]:
    rest = tuple(offer.responder for offer in incident.offers if offer.state in states and offer.responder != but)
    return (ev.OfferWithdrawn(responders=rest, at=at, because=because),) if rest else ()


_DECIDERS: dict[type[Command], Callable[..., Verdict]] = {
    ClaimIncident: _claim,
    ReturnIncident: _return,
    ResolveIncident: _resolve,
    CloseIncident: _close,
    CancelIncident: _cancel,
    FireDue: _fire,
    ReadReporter: _read_reporter,
}
