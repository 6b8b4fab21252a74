"""Taking back and putting right: undo of the newest step, correction of category or place."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from dispatcher.core import clocks
from dispatcher.core.context import Context, LastRow, Verdict
from dispatcher.core.guards import barred, body_of, permitted, stale, withdrawn
from dispatcher.core.lifecycle import LIFECYCLE, UNDO_WITHIN_S
from dispatcher.core.parties import has_it, keeping, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import CorrectIncident, UndoStep
from schemas.facts import RoutingDecision
from schemas.incidents import Incident

# The event that a step is known by → the verb whose row in the table says whether it may be taken back.
_STEPS: Final[dict[type[ev.AnyEvent], str]] = {
    ev.IncidentClaimed: "claim",
    ev.IncidentPlanned: "plan",
    ev.WorkStarted: "start",
    ev.WorkPaused: "pause",
    ev.WorkResumed: "resume",
    ev.SupervisionSet: "supervise",
    ev.PriorityChanged: "prioritize",
    ev.IncidentResolved: "resolve",
    ev.IncidentClosed: "close",
    ev.IncidentCancelled: "cancel",
}


def undo(incident: Incident, command: UndoStep, ctx: Context) -> Verdict:
    """The newest row only, by whoever did it, within `UNDO_WITHIN_S` seconds."""
    who, at, last = body_of(command).responder or incident.desk, ctx.effective(command), ctx.last
    if refusal := stale(incident, command) or barred(incident, "undo", None):
        return refusal
    step = None if last is None else _step(last)
    if last is None or step is None:
        return no.NotUndoable(detail="the newest step cannot be taken back")
    if step.responder != who:
        return no.NotUndoable(detail=f"the newest step is of {step.responder}")
    if (at - step.at).total_seconds() > UNDO_WITHIN_S:
        return no.NotUndoable(detail=f"more than {UNDO_WITHIN_S:g} s have passed")
    before = _still_rung(last)
    undone = ev.StepUndone(responder=who, seq=last.seq, at=at, before=before)
    asked = tuple(it.responder for it in before.offers if it.state == "offered" and not _asked(incident, it.responder))
    if not asked:
        return (undone,)
    return undone, ev.IncidentReoffered(responders=asked, epoch=before.epoch + 1, at=at, owner=before.owner)


def _step(last: LastRow) -> ev.IncidentClaimed | None:
    """The one event that somebody meant, with `responder` and `at`, if it may be taken back; else None."""
    told = (ev.ClockBreached, ev.OfferWithdrawn, ev.CommandAccepted, ev.AttachmentsAdded)
    meant = [event for event in last.events if not isinstance(event, told)]
    verb = _STEPS.get(type(meant[0])) if len(meant) == 1 else None
    if verb is None or not LIFECYCLE[verb].undo or getattr(meant[0], "unconfirmed", False):
        return None
    return meant[0]  # type: ignore[return-value]


def _still_rung(last: LastRow) -> Incident:
    """What was before, but alarms that rang in between stay rung."""
    before = last.before
    for event in last.events:
        if isinstance(event, ev.ClockBreached):
            before = replace(before, clocks=clocks.breach(before.clocks, event.clock, event.fired_at))
    return before


def _asked(incident: Incident, responder: str) -> bool:
    offer = offer_of(incident, responder)
    return offer is not None and offer.state == "offered"


def correct(incident: Incident, command: CorrectIncident, ctx: Context) -> Verdict:
    """Routed again on the corrected facts; holders that the new decision names keep it."""
    who, body, plan = permitted(incident, command, "correct"), command.body, ctx.plan
    if isinstance(who, no.Refusal):
        return who
    if not (body.category or body.area or body.place or body.location or body.attributes):
        return no.NothingToDecide(detail="nothing is put right")
    if plan is None:
        raise ValueError("a correction is decided on a plan")
    if body.category is not None and plan.facts.category != body.category:
        return no.UnknownCategory(category=body.category)
    at, decision, kept = ctx.effective(command), plan.decision, keeping(incident, plan.decision)
    corrected = ev.IncidentCorrected(
        responder=who,
        at=at,
        facts=plan.facts,
        decision=decision,
        was_category=incident.category,
        was_area=incident.area,
        moved=body.place is not None or body.location is not None,
        body_ref=ctx.body_ref,
    )
    stay = kept if kept and decision.mode == "first-claim" else decision.offers
    return (
        *clocks.ringing(incident, at),
        corrected,
        *withdrawn(incident, stay, at, "corrected"),
        *_asked_anew(incident, decision, kept, at),
    )


def _asked_anew(
    incident: Incident, decision: RoutingDecision, kept: tuple[str, ...], at: datetime
) -> tuple[ev.IncidentReoffered, ...]:
    """Nobody keeps it: all that the decision names; else those who may work beside the ones who do."""
    if kept and decision.mode == "first-claim":
        return ()
    new = tuple(it for it in decision.offers if not (kept and has_it(incident, it)))
    if not new:
        return ()
    return (ev.IncidentReoffered(responders=new, epoch=incident.epoch + 1, at=at, owner=decision.owner),)
