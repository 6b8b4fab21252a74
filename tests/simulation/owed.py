"""What a row of the journal owes to whom, said anew from the design and not from the relay's code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas import events as ev
from schemas import topics
from schemas.incidents import Incident

_SILENT: Final = (ev.ReportReceived, ev.ReporterRead)
_ANSWERS: Final = {ev.CommandAccepted: "dispatch.command.accepted.v1", ev.CommandRefused: "dispatch.command.refused.v1"}


class Owed(NamedTuple):
    topic: str
    seq: int
    type: str


def of_row(row: ev.JournalRow, after: Incident) -> Iterator[Owed]:
    """Everything that must be read about an incident because of this row, in the order of its events."""
    for event in row.events:
        if not isinstance(event, _SILENT) and type(event) not in _ANSWERS:
            yield Owed(topics.INCIDENTS, row.seq, f"dispatch.incident.{type(event).__name__}.v1")
        for responder, kind in _told(event, after):
            yield Owed(topics.notices(responder), row.seq, kind)


def _told(event: ev.AnyEvent, after: Incident) -> list[tuple[str, str]]:
    if isinstance(event, ev.CommandAccepted | ev.CommandRefused):
        return [(event.responder, _ANSWERS[type(event)])]
    if isinstance(event, ev.RoutingDecided) and not event.joined:
        offers = [(responder, "dispatch.offer.made.v1") for responder in event.decision.offers]
        return offers + [(responder, "dispatch.incident.copied.v1") for responder in event.decision.copies]
    if isinstance(event, ev.IncidentReoffered):
        return [(responder, "dispatch.offer.made.v1") for responder in event.responders]
    if isinstance(event, ev.OfferWithdrawn):
        return [(responder, "dispatch.offer.withdrawn.v1") for responder in event.responders]
    if isinstance(event, _SILENT):
        return []
    concerned = {offer.responder for offer in after.offers if offer.state in ("offered", "claimed")}
    concerned |= set(after.copies) | {responder for responder in [getattr(event, "responder", None)] if responder}
    return [(responder, "dispatch.incident.changed.v1") for responder in sorted(concerned)]
