"""What is true after somebody worked on it, or the desk had its hand on it."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from dispatcher.core import clocks
from schemas import events as ev
from schemas.incidents import Incident, Pause, State, Unit


def ended_pauses(pauses: tuple[Pause, ...], at: datetime) -> tuple[Pause, ...]:
    """Whatever stands ends at `at`."""
    return tuple(replace(pause, until=at) if pause.until is None else pause for pause in pauses)


def _planned(incident: Incident, event: ev.IncidentPlanned) -> Incident:
    """A new promise while work goes on is no step back."""
    state: State = "planned" if incident.state == "claimed" else incident.state
    return replace(incident, state=state, promised_at=event.promised_at)


def _started(incident: Incident, event: ev.WorkStarted) -> Incident:  # noqa: ARG001 - when is in the journal
    return replace(incident, state="working")


def _paused(incident: Incident, event: ev.WorkPaused) -> Incident:
    """A second one takes the place of the first: what is waited for has changed."""
    pauses = (*ended_pauses(incident.pauses, event.at), Pause(at=event.at, waiting_for=event.waiting_for))
    standing = clocks.without(clocks.pause(incident.clocks, event.at), "recheck")
    standing += clocks.started(event.at, recheck=event.recheck_at)
    return replace(incident, state="paused", pauses=pauses, clocks=standing)


def _resumed(incident: Incident, event: ev.WorkResumed) -> Incident:
    return replace(
        incident,
        state="working",
        pauses=ended_pauses(incident.pauses, event.at),
        clocks=clocks.without(clocks.go_on(incident.clocks, event.at), "recheck"),
    )


def _unit_moved(incident: Incident, event: ev.UnitMoved) -> Incident:
    moved = Unit(unit=event.unit, responder=event.responder, state=event.state, at=event.at)
    rest = tuple(unit for unit in incident.units if unit.unit != event.unit)
    return replace(incident, units=(*rest, moved))


def _extension_asked(incident: Incident, event: ev.ExtensionAsked) -> Incident:
    return replace(incident, extension_asked_for=event.until)


def _extension_decided(incident: Incident, event: ev.ExtensionDecided) -> Incident:
    decided = replace(incident, extension_asked_for=None)
    if event.until is None:
        return decided
    return replace(decided, clocks=clocks.move(incident.clocks, "resolution", event.until, event.at))


def _urged(incident: Incident, event: ev.IncidentUrged) -> Incident:  # noqa: ARG001
    return replace(incident, urged=incident.urged + 1)


def _supervised(incident: Incident, event: ev.SupervisionSet) -> Incident:
    return replace(incident, supervised=event.on)


def _priority_changed(incident: Incident, event: ev.PriorityChanged) -> Incident:
    return replace(incident, priority=event.priority)


def _followed_up(incident: Incident, event: ev.FollowedUp) -> Incident:
    solved = incident.solved if event.solved is None else event.solved
    satisfied = incident.satisfied if event.satisfied is None else event.satisfied
    return replace(incident, solved=solved, satisfied=satisfied)


def _storm_declared(incident: Incident, event: ev.StormDeclared) -> Incident:
    return replace(incident, gathered=event.gathered)


def _storm_joined(incident: Incident, event: ev.StormJoined) -> Incident:
    return replace(incident, parent=event.parent)


CHANGES: dict[type[ev.Event], Callable[..., Incident]] = {
    ev.IncidentPlanned: _planned,
    ev.WorkStarted: _started,
    ev.WorkPaused: _paused,
    ev.WorkResumed: _resumed,
    ev.UnitMoved: _unit_moved,
    ev.ExtensionAsked: _extension_asked,
    ev.ExtensionDecided: _extension_decided,
    ev.IncidentUrged: _urged,
    ev.SupervisionSet: _supervised,
    ev.PriorityChanged: _priority_changed,
    ev.FollowedUp: _followed_up,
    ev.StormDeclared: _storm_declared,
    ev.StormJoined: _storm_joined,
}
