"""The table against what `decide` does: every (state, command) pair, moved or refused with its typed error."""

import itertools
from typing import Any

import pytest

from dispatcher.core.lifecycle import LIFECYCLE, edges
from dispatcher.core.parties import has_it, holders
from schemas import refusals as no
from schemas.commands import BODIES
from schemas.events import AnyEvent
from schemas.incidents import ALL_STATES, State
from tests.unit.core.incident_making import DESK
from tests.unit.core.life_making import Life, in_state

PAIRS = list(itertools.product(ALL_STATES, BODIES))
STRANGER = "d"
# What a verb needs beside its state, or the step says nothing: then it is refused for that.
_FIRST = {"clear": "dispatch", "withdraw": "dispatch"}


def _ready(state: State, verb: str) -> Life:
    life = in_state(state)
    if verb in _FIRST and state in LIFECYCLE[_FIRST[verb]].states:
        life.does(_FIRST[verb], "a")
    return life


def _may(life: Life, verb: str) -> str | None:
    """Somebody whom the table allows it to."""
    who = LIFECYCLE[verb].who
    if "holder" in who and holders(life.incident):
        return holders(life.incident)[0]
    if "candidate" in who and has_it(life.incident, "b"):
        return "b"
    return DESK if "desk" in who else None


def test_the_table_has_a_row_for_every_command() -> None:
    assert set(LIFECYCLE) == set(BODIES)


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_every_pair_is_moved_or_refused(state: State, verb: str) -> None:
    life, move = _ready(state, verb), LIFECYCLE[verb]
    if state not in move.states:
        if verb == "claim":  # who won says more than the state, while somebody has it
            assert isinstance(
                life.refuses(verb, "b"), no.NotAllowedInState | no.AlreadyClaimed | no.OfferWithdrawnRefusal
            )
            return
        assert isinstance(life.refuses(verb, DESK if state not in move.desk_from else STRANGER), no.Refusal)
        refusal = life.refuses(verb, holders(life.incident)[0] if holders(life.incident) else "a")
        assert isinstance(refusal, no.NotAllowedInState | no.NotYours | no.NotCandidate)
        return
    who = _may(life, verb)
    verdict = life.tries(verb, who)
    if isinstance(verdict, no.Refusal):
        assert isinstance(verdict, _WHY_NOT.get((state, verb), ())), f"{who}: {verdict}"
        return
    life.does(verb, who, after_min=0)
    reached = life.incident.state
    if verb == "undo":
        assert reached != state
        return
    assert reached == state if not move.to or state in move.stays else reached in (*move.to, state)


# Pairs of the table in which this sample has a reason of its own not to.
_WHY_NOT: dict[tuple[State, str], type[no.Refusal]] = {
    **{(state, verb): no.UnitNotThere for state in ALL_STATES for verb in ("clear", "withdraw")},
    **{(state, "undo"): no.NotUndoable for state in ALL_STATES},
    **{(state, "claim"): no.AlreadyClaimed for state in ALL_STATES},
    ("offered", "extend"): no.ReasonRequired,
}


@pytest.mark.parametrize(("state", "verb"), [(s, v) for s, v in PAIRS if s in LIFECYCLE[v].states and v != "undo"])
def test_a_stranger_may_nothing(state: State, verb: str) -> None:
    refusal = _ready(state, verb).refuses(verb, STRANGER)
    assert isinstance(refusal, no.NotYours | no.NotCandidate)


@pytest.mark.parametrize("verb", [verb for verb, move in LIFECYCLE.items() if move.reason_required])
@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_a_reason_is_asked_for(verb: str, reason: str | None) -> None:
    state = next(state for state in ALL_STATES if state in LIFECYCLE[verb].states and state != "offered")
    life = _ready(state, verb)
    assert isinstance(life.refuses(verb, _may(life, verb), reason=reason), no.ReasonRequired)


@pytest.mark.parametrize(("state", "verb"), [(s, v) for s, v in PAIRS if s in LIFECYCLE[v].states])
def test_what_was_seen_too_long_ago_is_refused(state: State, verb: str) -> None:
    life = _ready(state, verb)
    who = _may(life, verb)
    stale = life.tries(verb, who, cycle=9)
    already_so = stale == () or (verb == "claim" and isinstance(stale, no.AlreadyClaimed))
    assert already_so or isinstance(stale, no.OfferWithdrawnRefusal)
    overtaken = life.tries(verb, who, seq=life.incident.seq - 1)
    assert overtaken == () or isinstance(overtaken, no.Overtaken | no.AlreadyClaimed)


def _walks() -> list[tuple[State, str, dict[str, Any]]]:
    """Every pair with the ways of saying it that lead to different states."""
    ways: dict[str, list[dict[str, Any]]] = {
        "follow-up": [{"solved": True}, {"solved": False}, {"solved": None}],
        "joint": [{}, {"lead": "d"}],
        "correct": [{"routed_to": ("a",)}, {"routed_to": ("c",)}],
    }
    return [(state, verb, says) for state, verb in PAIRS for says in ways.get(verb, [{}])]


def test_the_diagram_tells_what_happens() -> None:
    """No step leads where the table does not say, and every edge of the table is walked by some step."""
    walked: set[tuple[State, State]] = set()
    allowed = edges()
    for state, verb, says in _walks():
        for mode, who in itertools.product(("first-claim", "race"), ("a", "b", DESK)):
            if verb == "undo":
                continue
            life = in_state(state, mode)
            verdict: tuple[AnyEvent, ...] | no.Refusal = life.tries(verb, who, **says)
            if isinstance(verdict, no.Refusal):
                continue
            life.does(verb, who, **says)
            reached = life.incident.state
            if reached != state:
                assert verb in allowed.get((state, reached), ()), f"{verb} led from {state} to {reached}"
                walked.add((state, reached))
    assert walked == set(allowed)
