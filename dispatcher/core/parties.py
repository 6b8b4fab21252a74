"""Who stands how to an incident: candidates, holders, the lead."""

from collections.abc import Collection

from msgspec.structs import replace

from schemas.facts import RoutingDecision
from schemas.incidents import Incident, Offer


def offer_of(incident: Incident, responder: str) -> Offer | None:
    return next((offer for offer in incident.offers if offer.responder == responder), None)


def holders(incident: Incident) -> tuple[str, ...]:
    """Responders that have claimed, in the order of the offers."""
    return tuple(offer.responder for offer in incident.offers if offer.state == "claimed")


def holding(incident: Incident) -> Offer | None:
    """The offer of the lead holder: the owner in mode `all`, else who claimed first; None when nobody holds it."""
    claimed = [offer for offer in incident.offers if offer.state == "claimed" and offer.claimed_at is not None]
    lead = next((offer for offer in claimed if incident.mode == "all" and offer.responder == incident.owner), None)
    return lead or min(claimed, key=lambda offer: offer.claimed_at, default=None)  # type: ignore[arg-type,return-value]


def led(incident: Incident) -> bool:
    """Whether the claim that makes the incident claimed is there: the owner's in mode `all`, anybody's otherwise."""
    if incident.mode == "all":
        owner = offer_of(incident, incident.owner)
        return owner is not None and owner.state == "claimed"
    return any(offer.state == "claimed" for offer in incident.offers)


def is_open(offer: Offer) -> bool:
    """Whether this responder is asked or has it."""
    return offer.state in ("offered", "claimed")


def has_it(incident: Incident, responder: str) -> bool:
    """Whether this responder is asked or has it now."""
    offer = offer_of(incident, responder)
    return offer is not None and is_open(offer)


def keeping(incident: Incident, decision: RoutingDecision) -> tuple[str, ...]:
    """Holders that a new decision names too, when their claim still makes the incident claimed; else ()."""
    kept = tuple(responder for responder in holders(incident) if responder in decision.offers)
    if decision.mode == "first-claim" and len(kept) > 1:
        lead = holding(incident)
        return (lead.responder,) if lead is not None and lead.responder in kept else kept[:1]
    return () if decision.mode == "all" and decision.owner not in kept else kept


def lost(incident: Incident) -> tuple[str, ...]:
    """Who was asked or had it and need not go on, and might be asked again: not those whom the desk took it from."""
    return tuple(offer.responder for offer in incident.offers if offer.state == "withdrawn" and offer.epoch > 0)


def superseded(offers: tuple[Offer, ...], by: Collection[str]) -> tuple[Offer, ...]:
    """A new decision names only `by`: the others' offers belong to no offering any more, which is epoch 0."""
    return tuple(offer if offer.responder in by else replace(offer, epoch=0) for offer in offers)
