"""`explain`: `route` with a recorder, and its words. Being written."""

from datetime import datetime

from msgspec import Struct

from routing_rules.compile import Compiled
from schemas.facts import Facts, RoutingDecision, Why


class Considered(Struct, frozen=True, kw_only=True):
    """One candidate rule. `verdict`: won | adds | outranked | no-match | not-reached | error; `because`: codes."""

    rule: str
    verdict: str
    because: tuple[Why, ...] = ()


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a decision was made: the facts, the decision, and every rule for this category and area, in order of rank.

    `elsewhere` counts the rules for other categories and areas.
    """

    facts: Facts
    decision: RoutingDecision
    considered: tuple[Considered, ...]
    elsewhere: int


def explain(facts: Facts, compiled: Compiled, now: datetime) -> Explanation:
    """The same decision as `route`, with its reasons."""
    raise NotImplementedError


def words(explanation: Explanation, compiled: Compiled, language: str = "en") -> tuple[str, ...]:
    """Sentences in English ("en") or Chinese ("zh")."""
    raise NotImplementedError
