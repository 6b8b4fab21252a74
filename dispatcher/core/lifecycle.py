"""The one transition table: which command is possible in which state, and who may give it.

This file knows no mode, no clock and no event; `decide` asks it first and never answers against it.
"""

from typing import Final, Literal, NamedTuple

from schemas.incidents import State

Who = Literal["candidate", "holder", "desk"]


class Move(NamedTuple):
    """`desk_from`: states in which the desk alone may do it although nobody holds the incident, with a reason."""

    states: frozenset[State]
    who: frozenset[Who]
    reason_required: bool = False
    desk_from: frozenset[State] = frozenset()


LIFECYCLE: Final[dict[str, Move]] = {
    "claim": Move(frozenset({"offered", "claimed"}), frozenset({"candidate"})),
    "return": Move(frozenset({"offered", "claimed"}), frozenset({"candidate", "holder"}), reason_required=True),
    "resolve": Move(frozenset({"claimed"}), frozenset({"holder"}), desk_from=frozenset({"offered", "claimed"})),
    "close": Move(frozenset({"resolved"}), frozenset({"holder", "desk"})),
    "cancel": Move(frozenset({"offered", "claimed"}), frozenset({"desk"}), reason_required=True),
}

OPEN: Final[frozenset[State]] = frozenset({"offered", "claimed"})
