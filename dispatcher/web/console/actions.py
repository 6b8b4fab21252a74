"""Which forms the page of an incident shows, and to whom: the moves that are possible now, grouped for people. Pure."""

from typing import Final

from msgspec import Struct

from schemas.incidents import HELD_STATES
from schemas.views import IncidentDetail

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "take": ("claim", "return", "refer", "joint"),
    "work": ("plan", "start", "pause", "resume", "progress"),
    "units": ("dispatch", "en-route", "on-scene", "clear", "withdraw"),
    "time": ("extend", "defer"),
    "desk": ("urge", "supervise", "prioritize", "correct"),
    "end": ("resolve", "follow-up", "close", "reopen", "cancel"),
    "duplicates": ("merge", "unmerge"),
}
GROUP_OF: Final = {verb: group for group, verbs in GROUPS.items() for verb in verbs}
GUARDED: Final = frozenset(
    {"joint", "refer", "extend", "defer", "supervise", "prioritize", "correct"}
    | {"follow-up", "reopen", "cancel", "merge", "unmerge", "undo"}
)
"""Moves that say on which state they were decided, so that two people at the desk do not undo each other's work."""

_LIKELY: Final = ("claim", "resume", "start", "resolve", "follow-up")


class Choices(Struct, frozen=True):
    """What `acting` may do: the likely next move, the others by group, and whether the newest step may be undone.

    `actors` = all who may do something. `units` = by unit, the moves that are a press of a button.
    """

    acting: str
    actors: tuple[str, ...]
    next: str | None
    groups: dict[str, tuple[str, ...]]
    units: dict[str, tuple[str, ...]]
    undo: bool


def choices(incident: IncidentDetail, asked: str | None) -> Choices:
    """`asked` = who wants to act; None = whoever is likely to."""
    acting = asked or likely_actor(incident)
    possible = incident.moves.get(acting, ())
    likely = _likely_move(incident, acting, possible)
    rest = {name: tuple(it for it in verbs if it in possible and it != likely) for name, verbs in GROUPS.items()}
    return Choices(
        acting=acting,
        actors=tuple(incident.moves),
        next=likely,
        groups={name: verbs for name, verbs in rest.items() if verbs},
        units=_unit_moves(incident, acting, possible),
        undo="undo" in possible,
    )


def likely_actor(incident: IncidentDetail) -> str:
    """Who has it; else who is asked; else the desk."""
    if incident.state in HELD_STATES and incident.holder is not None:
        return incident.holder
    asked = (who for who, verbs in incident.moves.items() if "claim" in verbs)
    return next(asked, incident.desk)


def _likely_move(incident: IncidentDetail, acting: str, possible: tuple[str, ...]) -> str | None:
    if acting == incident.desk:
        if incident.extension_asked_for is not None and "extend" in possible:
            return "extend"
        if incident.suggested_owner is not None and incident.state == "offered":
            return "refer"
    wanted = (verb for verb in _LIKELY if verb in possible)
    return next((verb for verb in wanted if verb != "resolve" or _is_next(incident, acting)), None)


def _is_next(incident: IncidentDetail, acting: str) -> bool:
    """The desk may resolve anything, but it is expected of whoever works on it."""
    return acting in incident.holders and incident.state == "working"


_STEPS: Final = {
    "dispatched": ("en-route", "on-scene", "withdraw"),
    "en_route": ("on-scene", "withdraw"),
    "on_scene": ("clear",),
}


def _unit_moves(incident: IncidentDetail, acting: str, possible: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    mine = [unit for unit in incident.units if acting in (unit.responder, incident.desk)]
    moves = {unit.unit: tuple(it for it in _STEPS.get(unit.state, ()) if it in possible) for unit in mine}
    return {unit: verbs for unit, verbs in moves.items() if verbs}
