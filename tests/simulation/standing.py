"""What is true of an incident at any time, and how one row may lead from one state to another."""

from __future__ import annotations

from typing import Final

from dispatcher.core import next_due_at
from dispatcher.core.parties import holders, is_open, led
from schemas import events as ev
from schemas.incidents import HELD_STATES, OPEN_STATES, Incident
from tests.simulation.faults import hold

_RANK: Final = {
    "offered": 0,
    "claimed": 1,
    "planned": 2,
    "working": 3,
    "paused": 3,
    "resolved": 4,
    "closed": 5,
    "cancelled": 5,
    "duplicate": 5,
}
_OVER: Final = 5
_HOME: Final = ("cleared", "withdrawn")
# Which events may lead into a state; a step that is taken back may lead into any but the last ones.
_CAUSES: Final[dict[str, tuple[type[ev.Event], ...]]] = {
    "offered": (
        ev.IncidentReturned,
        ev.IncidentReferred,
        ev.JointHandlingSet,
        ev.IncidentCorrected,
        ev.IncidentReopened,
        ev.IncidentUnmerged,
        ev.StepUndone,
    ),
    "claimed": (ev.IncidentClaimed, ev.JointHandlingSet, ev.IncidentCorrected, ev.StepUndone),
    "planned": (ev.IncidentPlanned, ev.StepUndone),
    "working": (ev.WorkStarted, ev.WorkResumed, ev.StepUndone),
    "paused": (ev.WorkPaused, ev.StepUndone),
    "resolved": (ev.IncidentResolved, ev.StepUndone),
    "closed": (ev.IncidentClosed,),
    "cancelled": (ev.IncidentCancelled,),
    "duplicate": (ev.IncidentMerged,),
}


def moved(before: Incident, after: Incident, row: ev.JournalRow) -> None:
    """Status is monotone in (cycle, epoch), but for a return where others still have it, and a step taken back."""
    what = f"{after.id}: from {before.state} to {after.state} by {[type(event).__name__ for event in row.events]}"
    then, now = (before.cycle, before.epoch), (after.cycle, after.epoch)
    hold(now >= then, f"{after.id}: {now} after {then}")
    if before.state == after.state:
        return
    hold(any(isinstance(event, _CAUSES[after.state]) for event in row.events), what)
    undone = any(isinstance(event, ev.StepUndone) for event in row.events)
    returned = any(isinstance(event, ev.IncidentReturned) for event in row.events) and after.mode != "first-claim"
    hold(now > then or _RANK[after.state] >= _RANK[before.state] or returned or undone, what)
    if _RANK[before.state] == _OVER and not undone:
        reopened = after.state == "offered" and after.cycle == before.cycle + 1
        unmerged = before.state == "duplicate" and after.state == "offered" and now > then
        hold(reopened or unmerged, what)


def stands(after: Incident) -> None:
    """What is true of every incident at any time."""
    if after.mode == "first-claim":
        hold(len(holders(after)) <= 1, f"{after.id} is held by {holders(after)}")
    if after.state in HELD_STATES:
        hold(led(after), f"{after.id} is {after.state}, and nobody has it")
        asks = [clock for clock in after.clocks if clock.name == "claim" and clock.stopped_at is None]
        hold(not asks, f"{after.id} is {after.state}, and the claim clock runs")
    if after.state == "offered":
        hold(any(offer.state == "offered" for offer in after.offers), f"{after.id} is offered to nobody")
        hold(not led(after), f"{after.id} is led and still offered: {after}")
        hold(all(clock.stopped_at is None for clock in after.clocks), f"{after.id} is offered and its clock stands")
    if after.state not in OPEN_STATES:
        confirmed = after.state == "resolved" and after.close_after_s is not None
        running = {clock.name for clock in after.clocks if clock.stopped_at is None}
        hold(running == ({"confirm"} if confirmed else set()), f"{after.id} is done and its clocks run: {running}")
        hold(confirmed or next_due_at(after) is None, f"{after.id} is done and something is due")
        hold(all(offer.state != "offered" for offer in after.offers), f"{after.id} is done and still offered")
    _pauses(after)
    _units(after)
    hold(len({offer.responder for offer in after.offers}) == len(after.offers), f"{after.id}: one offer each")
    hold((after.state == "duplicate") == (after.merged_into is not None), f"{after.id} is half a duplicate")


def _pauses(after: Incident) -> None:
    standing = [pause for pause in after.pauses if pause.until is None]
    hold(len(standing) == (after.state == "paused"), f"{after.id} is {after.state} and stands {len(standing)} times")
    waiting = [clock for clock in after.clocks if clock.paused_at is not None or clock.name == "recheck"]
    running = [clock for clock in waiting if clock.stopped_at is None]
    hold(not running or after.state == "paused", f"{after.id} is {after.state} and its clock stands")


def _units(after: Incident) -> None:
    having = {offer.responder for offer in after.offers if is_open(offer)}
    away = [unit for unit in after.units if unit.state not in _HOME and unit.responder not in having]
    hold(not away, f"{after.id}: {away} are of no one who has it")


def hold_together(incident_id: str, incidents: dict[str, Incident]) -> None:
    """A duplicate and what it was merged into know each other, and how many voices it brought."""
    incident = incidents[incident_id]
    hold(incident.merged_into != incident_id, f"{incident_id} is merged into itself")
    if incident.merged_into is not None:
        found = [it.voices for it in incidents[incident.merged_into].duplicates if it.incident_id == incident_id]
        hold(found == [incident.voices], f"{incident_id} brought {incident.voices} voices, and counts as {found}")
    for duplicate in incident.duplicates:
        into = incidents[duplicate.incident_id].merged_into
        hold(into == incident_id, f"{duplicate.incident_id} is merged into {into} and counts in {incident_id}")
