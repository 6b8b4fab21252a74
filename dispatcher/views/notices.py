"""What one journal row means to those it concerns. Values only: row, state after it, policy -> notices."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from dispatcher.core.clocks import due_at
from dispatcher.core.parties import holding, is_open
from schemas import events as ev
from schemas.incidents import Incident
from schemas.notices import Notice

Addressed = tuple[str, str, Notice]  # responder, type of the notice, its data

OFFER_MADE = "dispatch.offer.made.v1"
OFFER_WITHDRAWN = "dispatch.offer.withdrawn.v1"
CHANGED = "dispatch.incident.changed.v1"
COPIED = "dispatch.incident.copied.v1"
ACCEPTED = "dispatch.command.accepted.v1"
REFUSED = "dispatch.command.refused.v1"
_TOLD: Final = (
    *("responder", "to", "lead", "suggested_owner", "crew_sent", "promised_at", "waiting_for", "recheck_at", "until"),
    *("unit", "state", "on", "priority", "was_category", "was_area", "solved", "satisfied", "unconfirmed", "cycle"),
    *("into", "out_of", "duplicate", "voices", "parent", "gathered", "clock", "due_at"),
)


def notices_of(
    row: ev.JournalRow, after: Incident | None, *, place: str | None, summary: str | None
) -> Iterator[Addressed]:
    """Notices in the order of the row's events. `place` and `summary` are None unless the pack allows them."""
    if after is None:
        base = Notice(incident_id=row.incident_id)
    else:
        base = replace(_notice(after), place=place, summary=summary)
    for event in row.events:
        yield from _of_event(event, row, after, base)


def _of_event(event: ev.AnyEvent, row: ev.JournalRow, after: Incident | None, base: Notice) -> Iterable[Addressed]:
    if isinstance(event, ev.CommandAccepted):
        yield event.responder, ACCEPTED, replace(base, command_id=row.command_id, event=event.command)
    elif isinstance(event, ev.CommandRefused):
        told = replace(
            base, command_id=row.command_id, event=event.command, reason=event.reason, detail=dict(event.detail)
        )
        yield event.responder, REFUSED, told
    elif after is None or isinstance(event, ev.ReportReceived | ev.ReporterRead):
        return
    elif isinstance(event, ev.RoutingDecided) and not event.joined:
        yield from ((responder, OFFER_MADE, base) for responder in event.decision.offers)
        yield from ((responder, COPIED, base) for responder in event.decision.copies)
    elif isinstance(event, ev.IncidentReoffered):
        yield from ((responder, OFFER_MADE, base) for responder in event.responders)
    elif isinstance(event, ev.OfferWithdrawn):
        yield from ((it, OFFER_WITHDRAWN, replace(base, reason=event.because)) for it in event.responders)
    else:
        told = replace(base, event=_named(event), detail=_codes(event))
        yield from ((responder, CHANGED, told) for responder in _concerned(after, event))


def _named(event: ev.AnyEvent) -> str:
    if isinstance(event, ev.RoutingDecided):
        return "ReportJoined"
    name = type(event).__name__
    return f"{name}:{event.clock}" if isinstance(event, ev.ClockBreached) else name


def _codes(event: ev.AnyEvent) -> dict[str, str]:
    """What the event's name leaves open: which unit, until when, waiting for what. Free text is never among it."""
    found = ((name, getattr(event, name, None)) for name in _TOLD)
    return {name: _text(value) for name, value in found if value is not None}


def _text(value: str | float | datetime) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(msgspec.to_builtins(value))


def _concerned(after: Incident, event: ev.AnyEvent) -> list[str]:
    """Holders, open candidates, copies, and whoever acted; each once."""
    acted = getattr(event, "responder", None)
    parties = [offer.responder for offer in after.offers if is_open(offer)]
    return list(dict.fromkeys([*parties, *after.copies, *([acted] if acted else [])]))


def _notice(after: Incident) -> Notice:
    lead = holding(after)
    return Notice(
        incident_id=after.id,
        cycle=after.cycle,
        epoch=after.epoch,
        seq=after.seq,
        state=after.state,
        category=after.category,
        priority=after.priority,
        mode=after.mode,
        area=after.area,
        claim_due_at=due_at(after, "claim"),
        resolution_due_at=due_at(after, "resolution"),
        holder=lead.responder if lead else None,
        claimed_at=lead.claimed_at if lead else None,
    )
