"""Who has it: claim, return, refer, joint handling."""

from dispatcher.core.clocks import ringing
from dispatcher.core.context import Context, Verdict
from dispatcher.core.guards import acting, barred, body_of, not_ahead, permitted, stale, unknown, withdrawn
from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.core.parties import has_it, holders, holding, is_open, lost, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import ClaimIncident, IncidentCommand, ReferIncident, ReturnIncident, SetJointHandling
from schemas.incidents import Incident, Offer


def claim(incident: Incident, command: ClaimIncident, ctx: Context) -> Verdict:
    offer = _answered(incident, command)
    if isinstance(offer, no.Refusal):
        return offer
    if offer.state == "claimed" and incident.state in LIFECYCLE["claim"].states:
        return ()
    if refusal := stale(incident, command) or barred(incident, "claim", None) or _lost(incident, offer):
        return refusal
    if refusal := not_ahead(command.body.promised_at, ctx.effective(command), "a promise"):
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
    losers = withdrawn(incident, (who,), at, "claimed") if incident.mode == "first-claim" else ()
    return (*rung, claimed, *losers)


def give_back(incident: Incident, command: ReturnIncident, ctx: Context) -> Verdict:
    return _given_back(incident, command, ctx, "return", command.body.suggested_owner)


def refer(incident: Incident, command: ReferIncident, ctx: Context) -> Verdict:
    """The desk's word counts; from anybody else it is a return that says whose it is."""
    to, desk = command.body.to, incident.desk
    if (command.body.responder or desk) != desk:
        return _given_back(incident, command, ctx, "refer", to)
    who = permitted(incident, command, "refer", who=desk)
    if isinstance(who, no.Refusal):
        return who
    if refusal := unknown((to,), ctx.responders):
        return refusal
    if holders(incident) == (to,):
        return ()
    at = ctx.effective(command)
    return (
        ev.IncidentReferred(responder=who, to=to, at=at, body_ref=ctx.body_ref),
        *withdrawn(incident, (to,), at, "referred"),
        ev.IncidentReoffered(responders=(to,), epoch=incident.epoch + 1, at=at, owner=to),
    )


def _given_back(
    incident: Incident, command: ReturnIncident | ReferIncident, ctx: Context, verb: str, suggested: str | None
) -> Verdict:
    offer = _answered(incident, command)
    if isinstance(offer, no.Refusal):
        return offer
    if refusal := stale(incident, command) or barred(incident, verb, command.body.reason):
        return refusal
    if not is_open(offer):
        return no.NotYours()
    if refusal := unknown((suggested,), ctx.responders):
        return refusal
    at = ctx.effective(command)
    returned = ev.IncidentReturned(responder=offer.responder, at=at, body_ref=ctx.body_ref, suggested_owner=suggested)
    anew = _offered_anew(incident, offer.responder, suggested)
    if not anew:
        return (returned,)
    return returned, ev.IncidentReoffered(responders=anew, epoch=incident.epoch + 1, at=at)


def _offered_anew(incident: Incident, who: str, suggested: str | None) -> tuple[str, ...]:
    """Who is asked when `who` gives it back: () while others still have it, else who lost before, else the desk.

    With a suggestion the desk is asked: it decides.
    """
    others = [offer for offer in incident.offers if offer.responder != who]
    if incident.mode == "all" and who == incident.owner:
        return (incident.desk,)
    if any(is_open(offer) for offer in others):
        return ()
    return (lost(incident) if suggested is None else ()) or (incident.desk,)


def joint(incident: Incident, command: SetJointHandling, ctx: Context) -> Verdict:
    who = permitted(incident, command, "joint")
    if isinstance(who, no.Refusal):
        return who
    body, now_lead = body_of(command), holding(incident)
    lead = body.lead or (now_lead.responder if now_lead else incident.owner)
    if refusal := unknown((lead, *body.departments), ctx.responders):
        return refusal
    at, held = ctx.effective(command), lead in holders(incident)
    asked = (it for it in (lead, *body.departments) if not has_it(incident, it) or (it == lead and not held))
    new, epoch = tuple(dict.fromkeys(asked)), incident.epoch + (0 if held else 1)
    added = (ev.IncidentReoffered(responders=new, epoch=epoch, at=at, owner=lead),) if new else ()
    rung = ringing(incident, at, only="claim") if held and incident.state == "offered" else ()
    return *rung, ev.JointHandlingSet(responder=who, lead=lead, at=at, body_ref=ctx.body_ref), *added
