"""The one transition table: which command is possible in which state, who may give it, and where it leads.

This file knows no mode, no clock and no event; `decide` asks it first and never answers against it. The table and the
diagram in docs/lifecycle.md are printed from it.
"""

from typing import Final, Literal, NamedTuple

from schemas.incidents import ALL_STATES, HELD_STATES, OPEN_STATES, State, UnitState

Who = Literal["candidate", "holder", "desk"]
OPEN: Final[frozenset[State]] = frozenset(OPEN_STATES)
HELD: Final[frozenset[State]] = frozenset(HELD_STATES)
_MOVING: Final[frozenset[State]] = HELD - {"paused"}
_DONE: Final[frozenset[State]] = frozenset({"resolved"})
_ENDED: Final[frozenset[State]] = frozenset({"resolved", "closed", "cancelled"})
_ANY: Final[frozenset[State]] = OPEN | _ENDED


class Move(NamedTuple):
    """One row. `to` = the states it may lead to, but in `stays` the state stays; () = it stays in all.

    `desk_from`: states in which the desk alone may do it although nobody holds the incident, with a reason.
    `undo` = whoever did it may take it back within `UNDO_WITHIN_S`, if nothing has happened since.
    """

    states: frozenset[State]
    who: frozenset[Who]
    to: tuple[State, ...] = ()
    stays: frozenset[State] = frozenset()
    reason_required: bool = False
    desk_from: frozenset[State] = frozenset()
    undo: bool = False


def _who(*who: Who) -> frozenset[Who]:
    return frozenset(who)


_HOLDER: Final = _who("holder")
_DESK: Final = _who("desk")
_EITHER: Final = _who("holder", "desk")
_UNIT: Final = Move(HELD, _EITHER)
_UNIT_HOME: Final = Move(HELD | _ENDED, _EITHER)

LIFECYCLE: Final[dict[str, Move]] = {
    # who has it
    "claim": Move(OPEN, _who("candidate"), ("claimed",), stays=HELD, undo=True),
    "return": Move(OPEN, _who("candidate", "holder"), ("offered",), reason_required=True),
    "refer": Move(OPEN, _who("candidate", "holder", "desk"), ("offered",), reason_required=True),
    "joint": Move(OPEN, _DESK, ("offered",)),
    # work
    "plan": Move(_MOVING, _HOLDER, ("planned",), stays=frozenset({"planned", "working"}), undo=True),
    "start": Move(frozenset({"claimed", "planned"}), _HOLDER, ("working",), undo=True),
    "pause": Move(_MOVING, _HOLDER, ("paused",), undo=True),
    "resume": Move(frozenset({"paused"}), _EITHER, ("working",), undo=True),
    "progress": Move(OPEN | _DONE, _EITHER),
    "dispatch": _UNIT,
    "en-route": _UNIT,
    "on-scene": _UNIT,
    "clear": _UNIT_HOME,
    "withdraw": _UNIT_HOME,
    # time
    "extend": Move(OPEN, _EITHER),
    "defer": Move(HELD, _DESK, ("paused",), reason_required=True, undo=True),
    # the desk's hand
    "urge": Move(OPEN, _DESK),
    "supervise": Move(OPEN | _DONE, _DESK, undo=True),
    "prioritize": Move(OPEN, _DESK, undo=True),
    "correct": Move(OPEN, _DESK, ("offered",)),
    # the end
    "resolve": Move(HELD, _HOLDER, ("resolved",), desk_from=OPEN, undo=True),
    "follow-up": Move(_DONE, _DESK, ("closed", "offered")),
    "close": Move(_DONE, _EITHER, ("closed",), undo=True),
    "reopen": Move(_ENDED, _DESK, ("offered",), reason_required=True),
    "cancel": Move(OPEN, _DESK, ("cancelled",), reason_required=True, undo=True),
    # duplicates
    "merge": Move(OPEN, _DESK, ("duplicate",)),
    "unmerge": Move(frozenset({"duplicate"}), _DESK, ("offered",)),
    "undo": Move(_ANY, _who("candidate", "holder", "desk")),
}

UNDO_WITHIN_S: Final = 20.0


def edges() -> dict[tuple[State, State], list[str]]:
    """Every change of state that the table allows, with the verbs that may make it; undo apart."""
    found: dict[tuple[State, State], list[str]] = {}
    for verb, move in LIFECYCLE.items():
        for state in (it for it in ALL_STATES if it in move.states | move.desk_from):
            for reached in move.to if state not in move.stays else ():
                if reached != state:
                    found.setdefault((state, reached), []).append(verb)
    return found


NEVER_SENT: Final = ""
HOME: Final = frozenset({"cleared", "withdrawn"})
UNIT_MOVES: Final[dict[str, tuple[frozenset[str], UnitState]]] = {
    "dispatch": (frozenset({NEVER_SENT, "cleared", "withdrawn"}), "dispatched"),
    "en-route": (frozenset({NEVER_SENT, "dispatched", "cleared", "withdrawn"}), "en_route"),
    "on-scene": (frozenset({NEVER_SENT, "dispatched", "en_route", "cleared", "withdrawn"}), "on_scene"),
    "clear": (frozenset({"dispatched", "en_route", "on_scene"}), "cleared"),
    "withdraw": (frozenset({"dispatched", "en_route"}), "withdrawn"),
}
