"""Who stands how to an incident: candidates, holders, the lead."""

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
    return () if decision.mode == "all" and decision.owner not in kept else kept
