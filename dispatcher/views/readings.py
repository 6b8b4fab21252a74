"""One incident at one moment: its clocks and its row in a list. Pure."""

import math
from datetime import datetime, timedelta

from dispatcher.core.clocks import due_at
from dispatcher.core.parties import holders, holding
from dispatcher.store.queue_rows import urgent_clock
from dispatcher.views.standing import standing_fields
from schemas.incidents import Clock, Incident, Offer
from schemas.reports import Report
from schemas.views import ClockReading, IncidentItem, OfferReading


def reading_of(clock: Clock, now: datetime) -> ClockReading:
    """Late ⇔ strictly past due ⇔ `remaining_s` < 0, so that no two screens can disagree."""
    until = clock.stopped_at or clock.paused_at or now
    return ClockReading(
        name=clock.name,
        due_at=clock.due_at,
        late=clock.due_at < until,
        remaining_s=None if clock.stopped_at else math.floor((clock.due_at - until).total_seconds()),
        share=None if clock.stopped_at else round(share_left(clock, until), 4),
        paused_at=clock.paused_at,
        stopped_at=clock.stopped_at,
        breached_at=clock.breached_at,
    )


def share_left(clock: Clock, now: datetime) -> float:
    """What is left of the whole span, negative when late; a clock that was due before it started had a second."""
    return (clock.due_at - now) / max(clock.due_at - clock.started_at, timedelta(seconds=1))


def item_fields(incident: Incident, first: Report | None, now: datetime) -> dict[str, object]:
    """The fields of IncidentItem, of which IncidentDetail has more. `first` None = erased."""
    clocks, urgent = tuple(reading_of(clock, now) for clock in incident.clocks), urgent_clock(incident.clocks)
    lead = holding(incident)
    return {
        "incident_id": incident.id,
        "jurisdiction": incident.jurisdiction,
        "state": incident.state,
        "priority": incident.priority,
        "category": incident.category,
        "area": incident.area,
        "text": first.text if first else None,
        "place": first.place if first else None,
        "owner": incident.owner,
        "desk": incident.desk,
        "mode": incident.mode,
        "holder": lead.responder if lead else None,
        "holders": holders(incident),
        "offers": tuple(_offer(offer) for offer in incident.offers),
        "copies": incident.copies,
        "cycle": incident.cycle,
        "epoch": incident.epoch,
        "seq": incident.seq,
        "voices_count": incident.voices,
        "reasons": incident.reasons,
        "clock": None if urgent is None else reading_of(urgent, now),
        "clocks": clocks,
        "claim_due_at": due_at(incident, "claim"),
        "resolution_due_at": due_at(incident, "resolution"),
        "reported_at": incident.reported_at,
        "opened_at": incident.opened_at,
        "claimed_at": incident.claimed_at,
        "promised_at": incident.promised_at,
        "resolved_at": incident.resolved_at,
        "closed_at": incident.closed_at,
        **standing_fields(incident),
    }


def item_of(incident: Incident, first: Report | None, now: datetime) -> IncidentItem:
    return IncidentItem(**item_fields(incident, first, now))  # type: ignore[arg-type]


def _offer(offer: Offer) -> OfferReading:
    return OfferReading(responder=offer.responder, state=offer.state, epoch=offer.epoch, claimed_at=offer.claimed_at)
