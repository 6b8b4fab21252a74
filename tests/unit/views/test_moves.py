"""What is listed as possible promises nothing that the engine refuses, and hides nothing that it accepts."""

import pytest
from msgspec.structs import replace

from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.views.moves import moves_of
from schemas import refusals as no
from schemas.incidents import ALL_STATES, State
from tests.unit.core.incident_making import DESK
from tests.unit.core.life_making import KNOWN, Life, in_state

_WAYS: dict[str, tuple[tuple[str, str], ...]] = {
    "returned": (("return", "a"),),
    "both returned": (("return", "a"), ("return", "b")),
    "held, then returned": (("claim", "a"), ("return", "a")),
    "referred by its holder": (("claim", "a"), ("refer", "a")),
    "handed over": (("refer", DESK),),
    "joint, one has it": (("claim", "a"), ("joint", DESK)),
    "extension asked for": (("claim", "a"), ("extend", "a")),
    "a unit is sent": (("claim", "a"), ("dispatch", "a")),
    "a unit is there": (("claim", "a"), ("on-scene", "a")),
    "a unit is free again": (("claim", "a"), ("on-scene", "a"), ("clear", "a")),
    "a unit of the desk's": (("claim", "a"), ("dispatch", DESK)),
    "deferred": (("claim", "a"), ("defer", DESK)),
    "resolved by the desk": (("resolve", DESK),),
    "resolved, a unit still out": (("claim", "a"), ("dispatch", "a"), ("resolve", "a")),
    "reopened": (("claim", "a"), ("resolve", "a"), ("reopen", DESK)),
    "taken out again": (("claim", "a"), ("merge", DESK), ("unmerge", DESK)),
}
# What these need said so that something comes of them, wherever the sample's own words were said before.
_SAID_BETTER = {"refer": {"to": "d"}, **{verb: {"unit": "car-2"} for verb in ("dispatch", "en-route", "on-scene")}}


def everybody(life: Life) -> None:
    listed = moves_of(life.incident)
    for who in KNOWN:
        for verb in LIFECYCLE:
            verdict = life.tries(verb, who, **_SAID_BETTER.get(verb, {}))
            possible = not isinstance(verdict, no.Refusal) and bool(verdict)
            assert (verb in listed.get(who, ())) is (possible and verb != "undo"), (who, verb, verdict)


@pytest.mark.parametrize("state", ALL_STATES)
@pytest.mark.parametrize("mode", ["first-claim", "race", "all"])
def test_what_is_listed_is_what_is_accepted(state: State, mode: str) -> None:
    everybody(in_state(state, mode))


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("mode", ["first-claim", "race", "all"])
def test_after_every_turn(way: str, mode: str) -> None:
    life = Life(mode=mode)
    for verb, who in _WAYS[way]:
        life.does(verb, who)
    everybody(life)


def test_without_a_resolution_clock_there_is_nothing_to_extend() -> None:
    life = Life()
    life.incident = replace(life.incident, clocks=())
    everybody(life)
    assert "extend" not in moves_of(life.incident)[DESK]
