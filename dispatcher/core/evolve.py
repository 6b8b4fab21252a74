"""What is true after an event: (incident, event) -> incident. Total; replaying the journal rebuilds any state."""

from collections.abc import Callable, Iterable
from typing import cast

from msgspec.structs import replace

from dispatcher.core import clocks
from dispatcher.core.parties import led, offer_of
from schemas import events as ev
from schemas.incidents import Clock, Incident, Mode, Offer


def apply_row(incident: Incident | None, seq: int, happened: Iterable[ev.AnyEvent]) -> Incident:
    """Fold the events of one journal row; the incident then stands at `seq`."""
    for event in happened:
        incident = evolve(incident, event)
    if incident is None:
        raise ValueError("the first row of an incident opens it")
    return incident if incident.seq == seq else replace(incident, seq=seq)


def evolve(incident: Incident | None, event: ev.AnyEvent) -> Incident | None:
    """Events that change nothing of the state (received, refused, read) return the incident as it was."""
    if isinstance(event, ev.RoutingDecided):
        return opened(event) if incident is None else replace(incident, voices=incident.voices + 1)
    change = _CHANGES.get(type(event))
    if change is None or incident is None:
        return incident
    return change(incident, event)


def opened(event: ev.RoutingDecided) -> Incident:
    """The incident as its opening event made it, in its first row."""
    facts, decision = event.facts, event.decision
    running = []
    if decision.claim_due_at is not None:
        running.append(Clock(name="claim", started_at=event.at, due_at=decision.claim_due_at))
    if decision.resolution_due_at is not None:
        running.append(Clock(name="resolution", started_at=facts.reported_at, due_at=decision.resolution_due_at))
    return Incident(
        id=event.incident_id,
        jurisdiction=event.jurisdiction,
        seq=1,
        state="offered",
        report_id=event.report_id,
        source=facts.source,
        opened_at=event.at,
        reported_at=facts.reported_at,
        rule=decision.rule,
        bundle=decision.bundle,
        owner=decision.owner,
        desk=event.desk,
        mode=cast("Mode", decision.mode),
        priority=decision.priority,
        category=facts.category,
        area=facts.area,
        cell=facts.cell,
        place_key=facts.place_key,
        offers=tuple([Offer(responder=responder, epoch=1) for responder in decision.offers]),
        copies=decision.copies,
        tags=decision.tags,
        clocks=tuple(running),
        reasons=decision.reasons,
    )


def _claimed(incident: Incident, event: ev.IncidentClaimed) -> Incident:
    offers = tuple(
        replace(offer, state="claimed", claimed_at=event.at) if offer.responder == event.responder else offer
        for offer in incident.offers
    )
    told = replace(
        incident,
        offers=offers,
        crew_sent=incident.crew_sent or event.crew_sent,
        promised_at=event.promised_at or incident.promised_at,
    )
    if not event.lead:
        return told
    return replace(
        told,
        state="claimed",
        claimed_at=event.at,
        clocks=clocks.stop(incident.clocks, event.at, only="claim"),
    )


def _withdrawn(incident: Incident, event: ev.OfferWithdrawn) -> Incident:
    offers = tuple(
        replace(offer, state="withdrawn") if offer.responder in event.responders else offer for offer in incident.offers
    )
    return replace(incident, offers=offers)


def _returned(incident: Incident, event: ev.IncidentReturned) -> Incident:
    offers = tuple(
        replace(offer, state="returned", claimed_at=None) if offer.responder == event.responder else offer
        for offer in incident.offers
    )
    after = replace(incident, offers=offers)
    return after if led(after) or incident.state != "claimed" else _unclaimed(after)


def _unclaimed(incident: Incident) -> Incident:
    return replace(
        incident,
        state="offered",
        claimed_at=None,
        promised_at=None,
        crew_sent=False,
        clocks=clocks.resume(incident.clocks, "claim"),
    )


def _reoffered(incident: Incident, event: ev.IncidentReoffered) -> Incident:
    anew = [Offer(responder=responder, epoch=event.epoch) for responder in event.responders]
    kept = [offer for offer in incident.offers if offer.responder not in event.responders]
    owner = incident.owner if offer_of(incident, incident.owner) in anew else event.responders[0]
    return replace(incident, epoch=event.epoch, owner=owner, offers=(*anew, *kept))


def _resolved(incident: Incident, event: ev.IncidentResolved) -> Incident:
    return replace(incident, state="resolved", resolved_at=event.at, clocks=clocks.stop(incident.clocks, event.at))


def _closed(incident: Incident, event: ev.IncidentClosed) -> Incident:
    return replace(incident, state="closed", closed_at=event.at)


def _cancelled(incident: Incident, event: ev.IncidentCancelled) -> Incident:
    return replace(incident, state="cancelled", closed_at=event.at, clocks=clocks.stop(incident.clocks, event.at))


def _breached(incident: Incident, event: ev.ClockBreached) -> Incident:
    return replace(incident, clocks=clocks.breach(incident.clocks, event.clock, event.fired_at))


_CHANGES: dict[type[ev.Event], Callable[..., Incident]] = {
    ev.IncidentClaimed: _claimed,
    ev.OfferWithdrawn: _withdrawn,
    ev.IncidentReturned: _returned,
    ev.IncidentReoffered: _reoffered,
    ev.IncidentResolved: _resolved,
    ev.IncidentClosed: _closed,
    ev.IncidentCancelled: _cancelled,
    ev.ClockBreached: _breached,
}
