"""Work on it, and the desk's hand on it: plan, start, pause, progress, units; extend, defer, urge, supervise."""

from datetime import datetime

from dispatcher.core.clocks import clock_of, ringing
from dispatcher.core.context import Context, Verdict
from dispatcher.core.guards import not_ahead, permitted, said
from dispatcher.core.lifecycle import HOME, NEVER_SENT, UNIT_MOVES
from dispatcher.core.parties import holders, holding
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import (
    ClearUnit,
    DeferIncident,
    DispatchUnit,
    ExtendIncident,
    IncidentCommand,
    MarkEnRoute,
    MarkOnScene,
    NoteProgress,
    PauseWork,
    PlanIncident,
    PrioritizeIncident,
    ResumeWork,
    StartWork,
    SuperviseIncident,
    UrgeIncident,
    WithdrawUnit,
)
from schemas.incidents import Incident

UnitCommand = DispatchUnit | MarkEnRoute | MarkOnScene | ClearUnit | WithdrawUnit
UNIT_VERBS: dict[type[IncidentCommand], str] = {
    DispatchUnit: "dispatch",
    MarkEnRoute: "en-route",
    MarkOnScene: "on-scene",
    ClearUnit: "clear",
    WithdrawUnit: "withdraw",
}


def plan(incident: Incident, command: PlanIncident, ctx: Context) -> Verdict:
    who, at, promised_at = permitted(incident, command, "plan"), ctx.effective(command), command.body.promised_at
    if isinstance(who, no.Refusal):
        return who
    planned = ev.IncidentPlanned(responder=who, promised_at=promised_at, at=at, body_ref=ctx.body_ref)
    return not_ahead(promised_at, at, "a promise") or (planned,)


def start(incident: Incident, command: StartWork, ctx: Context) -> Verdict:
    who = permitted(incident, command, "start")
    if isinstance(who, no.Refusal):
        return who
    return (ev.WorkStarted(responder=who, at=ctx.effective(command), body_ref=ctx.body_ref),)


def pause(incident: Incident, command: PauseWork, ctx: Context) -> Verdict:
    who, at = permitted(incident, command, "pause"), ctx.effective(command)
    if isinstance(who, no.Refusal):
        return who
    paused = ev.WorkPaused(responder=who, waiting_for=command.body.waiting_for, at=at, body_ref=ctx.body_ref)
    return *ringing(incident, at), paused


def resume(incident: Incident, command: ResumeWork, ctx: Context) -> Verdict:
    who, at = permitted(incident, command, "resume"), ctx.effective(command)
    if isinstance(who, no.Refusal):
        return who
    return *ringing(incident, at), ev.WorkResumed(responder=who, at=at, body_ref=ctx.body_ref)


def progress(incident: Incident, command: NoteProgress, ctx: Context) -> Verdict:
    who = permitted(incident, command, "progress")
    if isinstance(who, no.Refusal):
        return who
    if not said(command.body.note) and not command.body.attachments:
        return no.NothingToDecide(detail="a progress note needs a text or an attachment")
    return (ev.ProgressNoted(responder=who, at=ctx.effective(command), body_ref=ctx.body_ref),)


def unit(incident: Incident, command: UnitCommand, ctx: Context) -> Verdict:
    """The unit is its who sent it, until it is home again; the desk moves anybody's."""
    verb = UNIT_VERBS[type(command)]
    who = permitted(incident, command, verb)
    if isinstance(who, no.Refusal):
        return who
    name = command.body.unit
    known = next((it for it in incident.units if it.unit == name), None)
    lead = holding(incident)
    sender = who if who in holders(incident) or lead is None else lead.responder
    owner = known.responder if known and known.state not in HOME else sender
    if who not in (owner, incident.desk):
        return no.NotYours(detail=f"this unit is of {owner}")
    (leaves, reaches), state = UNIT_MOVES[verb], known.state if known else NEVER_SENT
    if state == reaches:
        return ()
    if state not in leaves:
        return no.UnitNotThere(unit=name, state=state)
    at = ctx.effective(command)
    return (ev.UnitMoved(unit=name, responder=owner, state=reaches, at=at, body_ref=ctx.body_ref),)


def extend(incident: Incident, command: ExtendIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "extend")
    if isinstance(who, no.Refusal):
        return who
    clock = clock_of(incident, "resolution")
    if clock is None:
        return no.NothingToDecide(detail="this incident has no resolution clock")
    if who == incident.desk:
        return _decide_extension(incident, command, ctx, clock.due_at)
    until, at = command.body.until, ctx.effective(command)
    if command.body.granted is not None:
        return no.NotYours(detail="the desk grants an extension")
    if not said(command.body.reason):
        return no.ReasonRequired()
    return _not_later(until, clock.due_at, at) or (
        ev.ExtensionAsked(responder=who, until=until, at=at, body_ref=ctx.body_ref),  # type: ignore[arg-type]
    )


def _decide_extension(incident: Incident, command: ExtendIncident, ctx: Context, due_at: datetime) -> Verdict:
    asked, at = incident.extension_asked_for, ctx.effective(command)
    if command.body.granted is False:
        if asked is None:
            return no.NothingToDecide(detail="no extension was asked for")
        return (ev.ExtensionDecided(responder=incident.desk, until=None, at=at, body_ref=ctx.body_ref),)
    until = command.body.until or asked
    if refusal := _not_later(until, due_at, at):
        return refusal
    decided = ev.ExtensionDecided(responder=incident.desk, until=until, at=at, body_ref=ctx.body_ref)
    return *ringing(incident, at), decided


def _not_later(until: datetime | None, due_at: datetime, at: datetime) -> no.Refusal | None:
    if until is None:
        return no.NothingToDecide(detail="until when?")
    if until <= due_at:
        return no.NothingToDecide(detail="this is not later than the due instant that stands")
    return not_ahead(until, at, "the new due instant")


def defer(incident: Incident, command: DeferIncident, ctx: Context) -> Verdict:
    """A pause until the desk looks at it again; what stands already may be deferred too."""
    who, at, body = permitted(incident, command, "defer"), ctx.effective(command), command.body
    if isinstance(who, no.Refusal):
        return who
    deferred = ev.WorkPaused(
        responder=who, waiting_for=body.waiting_for, at=at, recheck_at=body.until, body_ref=ctx.body_ref
    )
    return not_ahead(body.until, at, "a re-check date") or (*ringing(incident, at), deferred)


def urge(incident: Incident, command: UrgeIncident, ctx: Context) -> Verdict:
    who = permitted(incident, command, "urge")
    if isinstance(who, no.Refusal):
        return who
    return (ev.IncidentUrged(responder=who, at=ctx.effective(command), body_ref=ctx.body_ref),)


def supervise(incident: Incident, command: SuperviseIncident, ctx: Context) -> Verdict:
    who, on = permitted(incident, command, "supervise"), command.body.on
    if isinstance(who, no.Refusal):
        return who
    if incident.supervised == on:
        return ()
    return (ev.SupervisionSet(responder=who, on=on, at=ctx.effective(command), body_ref=ctx.body_ref),)


def prioritize(incident: Incident, command: PrioritizeIncident, ctx: Context) -> Verdict:
    who, priority = permitted(incident, command, "prioritize"), command.body.priority
    if isinstance(who, no.Refusal):
        return who
    if incident.priority == priority:
        return ()
    at = ctx.effective(command)
    return (ev.PriorityChanged(responder=who, priority=priority, at=at, body_ref=ctx.body_ref),)
