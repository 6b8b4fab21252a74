"""What is true after an event: (incident, event) -> incident. Total; replaying the journal rebuilds any state."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, cast

from msgspec.structs import replace

from dispatcher.core import clocks, evolve_handling
from dispatcher.core.evolve_handling import ended_pauses
from dispatcher.core.lifecycle import HELD, HOME, OPEN
from dispatcher.core.parties import keeping, led, offer_of, superseded
from schemas import events as ev
from schemas.incidents import Clock, ClockName, Duplicate, Incident, Mode, Offer, State, Unit

_NO_SPAN: Final = timedelta(0)


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
    after = change(incident, event)
    return replace(after, joinable=False) if after.joinable and after.state not in OPEN else after


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
        close_after_s=decision.close_after_s,
        joinable=decision.group is not None
        and facts.category is not None
        and (facts.cell is not None or facts.place_key is not None),
    )


def fold(rows: Iterable[tuple[int, Iterable[ev.AnyEvent]]]) -> Incident | None:
    """The incident after these rows (seq, events) of its own, in order; None = there were none."""
    incident: Incident | None = None
    for seq, happened in rows:
        incident = apply_row(incident, seq, happened)
    return incident


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
    return _taken(told, event.at) if event.lead else told


def _withdrawn(incident: Incident, event: ev.OfferWithdrawn) -> Incident:
    offers = tuple(
        replace(offer, state="withdrawn") if offer.responder in event.responders else offer for offer in incident.offers
    )
    return replace(incident, offers=offers, units=_called_back(incident.units, event.responders, event.at))


def _called_back(units: tuple[Unit, ...], of: tuple[str, ...], at: datetime) -> tuple[Unit, ...]:
    """Units of those who have it no more are no longer ours to send."""
    return tuple(
        replace(unit, state="withdrawn", at=at) if unit.responder in of and unit.state not in HOME else unit
        for unit in units
    )


def _returned(incident: Incident, event: ev.IncidentReturned) -> Incident:
    offers = tuple(
        replace(offer, state="returned", claimed_at=None) if offer.responder == event.responder else offer
        for offer in incident.offers
    )
    units = _called_back(incident.units, (event.responder,), event.at)
    suggested = event.suggested_owner or incident.suggested_owner
    after = replace(incident, offers=offers, units=units, suggested_owner=suggested)
    return after if led(after) or incident.state not in HELD else _unclaimed(after, event.at)


def _unclaimed(incident: Incident, at: datetime) -> Incident:
    """Back to where somebody is asked: the claim clock runs as if it had never stopped, and nothing stands."""
    running = clocks.resume(clocks.without(clocks.go_on(incident.clocks, at), "recheck"), "claim")
    return replace(
        incident,
        state="offered",
        claimed_at=None,
        promised_at=None,
        crew_sent=False,
        clocks=running,
        pauses=ended_pauses(incident.pauses, at),
        extension_asked_for=None,
    )


def _taken(incident: Incident, at: datetime) -> Incident:
    """Somebody has it whose claim makes the incident claimed."""
    if incident.state != "offered":
        return incident
    return replace(incident, state="claimed", claimed_at=at, clocks=clocks.stop(incident.clocks, at, only="claim"))


def _referred(incident: Incident, event: ev.IncidentReferred) -> Incident:
    after = replace(incident, suggested_owner=None, offers=superseded(incident.offers, (event.to,)))
    return _unclaimed(after, event.at) if incident.state in HELD else after


def _joint(incident: Incident, event: ev.JointHandlingSet) -> Incident:
    after = replace(incident, mode="all", owner=event.lead)
    if led(after):
        return _taken(after, event.at)
    return _unclaimed(after, event.at) if incident.state in HELD else after


def _reoffered(incident: Incident, event: ev.IncidentReoffered) -> Incident:
    anew = [Offer(responder=responder, epoch=event.epoch) for responder in event.responders]
    kept = [offer for offer in incident.offers if offer.responder not in event.responders]
    owner = incident.owner if offer_of(incident, incident.owner) in anew else event.responders[0]
    return replace(incident, epoch=event.epoch, owner=event.owner or owner, offers=(*anew, *kept))


def _corrected(incident: Incident, event: ev.IncidentCorrected) -> Incident:
    facts, decision = event.facts, event.decision
    kept = keeping(incident, decision)
    after = replace(
        incident,
        category=facts.category,
        area=facts.area,
        cell=facts.cell,
        place_key=facts.place_key,
        rule=decision.rule,
        bundle=decision.bundle,
        owner=kept[0] if kept and decision.mode == "first-claim" else decision.owner,
        mode=cast("Mode", decision.mode),
        priority=decision.priority,
        copies=decision.copies,
        tags=decision.tags,
        reasons=decision.reasons,
        close_after_s=decision.close_after_s,
        clocks=_corrected_clocks(incident, event, held=bool(kept)),
        joinable=incident.joinable and not event.moved,
        offers=superseded(incident.offers, decision.offers),
    )
    if kept:
        return _taken(after, event.at)
    return _unclaimed(after, event.at) if incident.state in HELD else after


def _corrected_clocks(incident: Incident, event: ev.IncidentCorrected, *, held: bool) -> tuple[Clock, ...]:
    """The clocks of the new decision; under the same rule the resolution clock goes on as it was.

    Who has it is not asked again; what is due as before goes on as it was.
    """
    before = {it.name: it for it in incident.clocks}
    kept = {"claim", "recheck"} if held else set()
    after = {name: clock for name, clock in before.items() if name in kept}
    if event.decision.rule == incident.rule:
        after |= {name: clock for name, clock in before.items() if name == "resolution"}
    else:
        after |= {it.name: it for it in _another_resolution(incident, event, held=held)}
    if not held:
        after |= {it.name: it for it in clocks.started(event.at, claim=event.decision.claim_due_at)}
    return tuple(_as_before(before, clock) for clock in after.values())


def _as_before(before: dict[ClockName, Clock], clock: Clock) -> Clock:
    old = before.get(clock.name)
    return old if old is not None and old.due_at == clock.due_at else clock


def _another_resolution(incident: Incident, event: ev.IncidentCorrected, *, held: bool) -> tuple[Clock, ...]:
    """Due later by as long as work stood until now; it stands, too, where work still does."""
    due_at, pauses = event.decision.resolution_due_at, incident.pauses
    if due_at is None:
        return ()
    ended = ended_pauses(pauses, event.at) if not held else tuple(it for it in pauses if it.until is not None)
    stood = sum((max(_NO_SPAN, it.until - it.at) for it in ended if it.until is not None), _NO_SPAN)
    standing = next((it.at for it in pauses if it.until is None), None) if held else None
    started_at = event.facts.reported_at
    return (Clock(name="resolution", started_at=started_at, due_at=due_at + stood, paused_at=standing),)


def _resolved(incident: Incident, event: ev.IncidentResolved) -> Incident:
    ended = _ended(incident, "resolved", event.at)
    if incident.close_after_s is None:
        return replace(ended, resolved_at=event.at)
    until = event.at + timedelta(seconds=incident.close_after_s)
    waits = clocks.started(event.at, confirm=until)
    return replace(ended, resolved_at=event.at, clocks=(*ended.clocks, *waits))


def _ended(incident: Incident, state: State, at: datetime) -> Incident:
    """Clocks and pauses end with it."""
    return replace(
        incident,
        state=state,
        clocks=clocks.stop(incident.clocks, at),
        pauses=ended_pauses(incident.pauses, at),
        extension_asked_for=None,
    )


def _closed(incident: Incident, event: ev.IncidentClosed) -> Incident:
    return replace(_ended(incident, "closed", event.at), closed_at=event.at, unconfirmed=event.unconfirmed)


def _cancelled(incident: Incident, event: ev.IncidentCancelled) -> Incident:
    return replace(_ended(incident, "cancelled", event.at), closed_at=event.at)


def _reopened(incident: Incident, event: ev.IncidentReopened) -> Incident:
    return replace(
        incident,
        state="offered",
        cycle=event.cycle,
        epoch=1,
        offers=(),
        clocks=clocks.started(event.at, claim=event.claim_due_at, resolution=event.resolution_due_at),
        pauses=(),
        claimed_at=None,
        resolved_at=None,
        closed_at=None,
        promised_at=None,
        crew_sent=False,
        suggested_owner=None,
        unconfirmed=False,
    )


def _merged(incident: Incident, event: ev.IncidentMerged) -> Incident:
    return replace(_ended(incident, "duplicate", event.at), merged_into=event.into)


def _unmerged(incident: Incident, event: ev.IncidentUnmerged) -> Incident:
    after = replace(incident, merged_into=None, clocks=clocks.resume(incident.clocks, "claim", "resolution"))
    return _unclaimed(after, event.at)


def _attached(incident: Incident, event: ev.DuplicateAttached) -> Incident:
    duplicates = (*incident.duplicates, Duplicate(event.duplicate, event.voices))
    return replace(incident, duplicates=duplicates, voices=incident.voices + event.voices)


def _detached(incident: Incident, event: ev.DuplicateDetached) -> Incident:
    gone = sum(it.voices for it in incident.duplicates if it.incident_id == event.duplicate)
    rest = tuple(it for it in incident.duplicates if it.incident_id != event.duplicate)
    return replace(incident, duplicates=rest, voices=incident.voices - gone)


def _undone(incident: Incident, event: ev.StepUndone) -> Incident:  # noqa: ARG001 - it is put back, whatever it was
    return event.before


def _breached(incident: Incident, event: ev.ClockBreached) -> Incident:
    return replace(incident, clocks=clocks.breach(incident.clocks, event.clock, event.fired_at))


_CHANGES: dict[type[ev.Event], Callable[..., Incident]] = {
    ev.IncidentClaimed: _claimed,
    ev.OfferWithdrawn: _withdrawn,
    ev.IncidentReturned: _returned,
    ev.IncidentReferred: _referred,
    ev.JointHandlingSet: _joint,
    ev.IncidentReoffered: _reoffered,
    ev.IncidentCorrected: _corrected,
    ev.IncidentResolved: _resolved,
    ev.IncidentClosed: _closed,
    ev.IncidentReopened: _reopened,
    ev.IncidentCancelled: _cancelled,
    ev.IncidentMerged: _merged,
    ev.IncidentUnmerged: _unmerged,
    ev.DuplicateAttached: _attached,
    ev.DuplicateDetached: _detached,
    ev.StepUndone: _undone,
    ev.ClockBreached: _breached,
    **evolve_handling.CHANGES,
}
