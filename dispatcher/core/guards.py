"""Whether a command is possible at all, for whom, and on what it was based. Every refusal of the table is made here."""

from datetime import datetime
from typing import Any

from dispatcher.core.lifecycle import LIFECYCLE, Move
from dispatcher.core.parties import holders, is_open, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import IncidentCommand
from schemas.incidents import Incident


def body_of(command: IncidentCommand) -> Any:  # noqa: ANN401 - each command narrows it
    return command.body  # type: ignore[attr-defined]


def acting(incident: Incident, command: IncidentCommand) -> str | no.Refusal:
    """Who acts: the responder named, else the only holder."""
    named: str | None = body_of(command).responder
    if named is not None:
        return named
    held_by = holders(incident)
    return held_by[0] if len(held_by) == 1 else no.ResponderRequired()


def permitted(incident: Incident, command: IncidentCommand, verb: str, *, who: str | None = None) -> str | no.Refusal:
    """Who acts, when the table lets it: not stale, in this state, by one of those, with a reason where one is due.

    `who` None = as the command names, else the only one who may.
    """
    move = LIFECYCLE[verb]
    named = who or _actor(incident, command, move)
    if isinstance(named, no.Refusal):
        return named
    if refusal := stale(incident, command):
        return refusal
    if incident.state not in move.states:
        return no.NotAllowedInState(state=incident.state)
    if not _may(incident, named, move):
        return no.NotYours()
    if move.reason_required and not said(body_of(command).reason):
        return no.ReasonRequired()
    return named


def said(text: str | None) -> bool:
    return bool((text or "").strip())


def _actor(incident: Incident, command: IncidentCommand, move: Move) -> str | no.Refusal:
    if move.who == {"desk"}:
        return str(body_of(command).responder or incident.desk)
    who = acting(incident, command)
    if isinstance(who, no.Refusal) and "desk" in move.who and not holders(incident):
        return incident.desk
    return who


def _may(incident: Incident, who: str, move: Move) -> bool:
    offer = offer_of(incident, who)
    return (
        ("desk" in move.who and who == incident.desk)
        or ("holder" in move.who and offer is not None and offer.state == "claimed")
        or ("candidate" in move.who and offer is not None and is_open(offer))
    )


def stale(incident: Incident, command: IncidentCommand) -> no.Refusal | None:
    """Whether the command speaks of an offering, or of a state, that is no more."""
    body = body_of(command)
    cycle, epoch = body.cycle or incident.cycle, body.epoch or incident.epoch
    if (cycle, epoch) != (incident.cycle, incident.epoch):
        told = f"the offer now open is cycle {incident.cycle}, epoch {incident.epoch}"
        return no.OfferWithdrawnRefusal(detail=told)
    if body.seq is not None and body.seq != incident.seq:
        return no.Overtaken(seq=incident.seq, detail="somebody else has moved it on: look again")
    return None


def barred(incident: Incident, verb: str, reason: str | None) -> no.Refusal | None:
    """State and reason only."""
    move = LIFECYCLE[verb]
    if incident.state not in move.states:
        return no.NotAllowedInState(state=incident.state)
    if move.reason_required and not said(reason):
        return no.ReasonRequired()
    return None


def not_ahead(instant: datetime | None, at: datetime, what: str) -> no.Refusal | None:
    """A promised, extended or re-check instant must lie after `at`."""
    if instant is None or instant > at:
        return None
    return no.NotInFuture(detail=f"{what} must lie ahead")


def unknown(responders: tuple[str | None, ...], known: object) -> no.Refusal | None:
    """The first of these that the bundle does not know."""
    for responder in responders:
        if responder is not None and responder not in known:  # type: ignore[operator]
            return no.UnknownResponder(responder=responder)
    return None


def withdrawn(incident: Incident, but: tuple[str, ...], at: datetime, because: str) -> tuple[ev.OfferWithdrawn, ...]:
    """Everybody who has or is asked, but those, need not go on."""
    rest = tuple(it.responder for it in incident.offers if is_open(it) and it.responder not in but)
    return (ev.OfferWithdrawn(responders=rest, at=at, because=because),) if rest else ()
