"""What may go wrong in one run. Swarm: every seed first draws which faults exist at all, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

# Each string is one process: serve (HTTP and alarms), worker (topics in), relay (journal out).
LAYOUTS: Final = (
    ("serve worker relay",),
    ("serve", "worker", "relay"),
    ("serve worker relay", "serve worker relay"),
    ("serve", "serve", "worker", "worker", "relay"),
)
_BOUNDARY: Final = (0.002, 0.01, 0.04)  # met about ten times in a transaction
_OVERTAKEN: Final = (0.0, 0.05, 0.2, 0.5)  # at every boundary, but by one that is not overtaken itself
_OCCASION: Final = (0.03, 0.1, 0.3)  # met once in a message, a commit or a step


class Died(BaseException):
    """A process ended, like by kill -9: what it had in memory is gone. Nothing in the engine may catch it."""


class Violation(BaseException):
    """Something does not hold that must. As `Died`, so that the engine cannot swallow it."""


def hold(claim: object, otherwise: str) -> None:
    if not claim:
        raise Violation(otherwise)


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities on each occasion; 0 = does not exist in this run. `row_locks` = loaded incidents are locked."""

    layout: tuple[str, ...] = LAYOUTS[0]
    row_locks: bool = True
    # at every boundary of a process
    crash: float = 0.0
    away: float = 0.0
    interleave: float = 0.0
    # on each occasion
    commit_unknown: float = 0.0
    reply_lost: float = 0.0
    produce_lost: float = 0.0
    produced_twice: float = 0.0
    send_fails: float = 0.0
    rebalance: float = 0.0
    clock_jump: float = 0.0
    poison: float = 0.0
    conflict: float = 0.0
    stale: float = 0.0
    forgetful: float = 0.0
    nonsense: float = 0.0
    publish: float = 0.0


def drawn(rng: Random) -> Faults:
    """The faults of a seed: each exists in every second run."""

    def some(choices: tuple[float, ...]) -> float:
        return rng.choice(choices) if rng.random() < 0.5 else 0.0

    return Faults(
        layout=rng.choice(LAYOUTS),
        row_locks=rng.random() < 0.5,
        crash=some(_BOUNDARY),
        away=some(_BOUNDARY),
        interleave=rng.choice(_OVERTAKEN),
        commit_unknown=some(_OCCASION),
        reply_lost=some(_OCCASION),
        produce_lost=some(_OCCASION),
        produced_twice=some(_OCCASION),
        send_fails=some(_OCCASION),
        rebalance=some(_BOUNDARY),
        clock_jump=some(_BOUNDARY),
        poison=some(_OCCASION),
        conflict=some(_OCCASION),
        stale=some(_OCCASION),
        forgetful=some(_BOUNDARY),
        nonsense=some(_OCCASION),
        publish=some(_BOUNDARY),
    )
