"""`explain`: the walk of `route` with a recorder, so that it cannot contradict it. Words: explain_words."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from routing_rules.compile import Compiled, Plan
from routing_rules.evaluate import decide
from routing_rules.ranking import is_narrower
from routing_rules.regions import AllOf, Between, Constraint
from schemas.facts import Facts, RoutingDecision

Verdict = Literal["won", "adds", "outranked", "no-match", "not-reached", "error"]


class Missed(Struct, frozen=True, kw_only=True):
    """A condition that did not hold: what was looked at, what the rule needs, what the report has ("" = unknown)."""

    fact: str
    needs: str
    has: str


class Considered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule for this category and area. `conditions` are all of the rule, in words of the pack.

    `because`: of an outranked rule "narrower", "overrides" or "order" (the winner is narrower, overrides it, or only
    stands before it in rank); of an error its name.
    """

    rule: str
    verdict: Verdict
    conditions: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()
    because: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a decision was made: the facts, the decision, and every rule for this category and area in order of rank.

    `elsewhere` counts the rules for other categories and areas.
    """

    facts: Facts
    decision: RoutingDecision
    considered: tuple[Considered, ...]
    elsewhere: int

    @property
    def matched(self) -> tuple[str, ...]:
        """Ids of all rules that matched."""
        return tuple(each.rule for each in self.considered if each.verdict in ("won", "adds", "outranked"))


class _Notebook:
    """What the walk tried, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[Plan, bool, str | None]] = []

    def tried(self, plan: Plan, *, held: bool, error: str | None) -> None:
        self.entries.append((plan, held, error))


def explain(facts: Facts, compiled: Compiled, now: datetime) -> Explanation:
    """The same decision as `route`, with its reasons. Works on stored facts and the bundle they were decided by."""
    cell = compiled.cell_of(facts.category, facts.area)
    notebook = _Notebook()
    decision = decide(facts, compiled, now, cell, notebook)
    winner = next(plan for plan in compiled.plans if plan.rule.id == decision.rule)
    considered = [_considered(plan, facts, winner, held, error) for plan, held, error in notebook.entries]
    considered += [
        Considered(rule=plan.rule.id, verdict="not-reached", conditions=conditions_in_words(plan))
        for plan in cell.not_reached
    ]
    considered.sort(key=lambda each: compiled.ranks[each.rule])
    return Explanation(
        facts=facts,
        decision=decision,
        considered=tuple(considered),
        elsewhere=len(compiled.plans) - len(considered),
    )


def _considered(plan: Plan, facts: Facts, winner: Plan, held: bool, error: str | None) -> Considered:  # noqa: FBT001
    verdict: Verdict = "adds"
    because = ""
    missed: tuple[Missed, ...] = ()
    if error is not None:
        verdict, because = "error", error
    elif not held:
        verdict, missed = "no-match", _missed(plan, facts)
    elif plan is winner:
        verdict = "won"
    elif plan.owns:
        verdict, because = "outranked", _why_outranked(plan, winner)
    return Considered(
        rule=plan.rule.id, verdict=verdict, conditions=conditions_in_words(plan), missed=missed, because=because
    )


def _why_outranked(plan: Plan, winner: Plan) -> str:
    if is_narrower(winner.region, plan.region):
        return "narrower"
    return "overrides" if plan.rule.id in winner.rule.overrides else "order"


def _missed(plan: Plan, facts: Facts) -> tuple[Missed, ...]:
    return tuple(
        Missed(fact=condition.fact, needs=constraint_in_words(condition.constraint), has=_shown(condition.read(facts)))
        for condition in plan.conditions
        if not condition.holds(facts)
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else _plain(value)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def constraint_in_words(constraint: Constraint) -> str:
    if isinstance(constraint, Between):
        low = "" if constraint.low == -float("inf") else f"{'>' if constraint.low_open else '≥'} {constraint.low:g}"
        high = "" if constraint.high == float("inf") else f"{'<' if constraint.high_open else '≤'} {constraint.high:g}"
        return " ".join(filter(None, (low, high)))
    joint = " + " if isinstance(constraint, AllOf) else " | "
    values = (value[0] if isinstance(value, tuple) else value for value in constraint.values)
    return joint.join(sorted(map(_plain, values)))


def conditions_in_words(plan: Plan) -> tuple[str, ...]:
    """As the pack says them: "category lighting/*", "band dark"."""
    when = plan.rule.when
    patterns = [(name, " | ".join(said)) for name, said in (("category", when.category), ("area", when.area)) if said]
    rest = [(each.fact, constraint_in_words(each.constraint)) for each in plan.conditions]
    return tuple(f"{name} {said}" for name, said in (*patterns, *rest))
