"""`route`: who gets it, by which rule, under which clocks.

One walk for deciding and for explaining: the recorder, when there is one, is only told what the walk does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from routing_rules.compile import Cell, Compiled, Plan
from routing_rules.coordinates import centre_of
from routing_rules.model import Point
from schemas.facts import Facts, RoutingDecision


class Recorder(Protocol):
    def tried(self, plan: Plan, *, held: bool, error: str | None) -> None: ...


def route(facts: Facts, compiled: Compiled, now: datetime) -> RoutingDecision:
    """Pure and total: a rule that errs counts as no match and is named in `reasons`; the default rule always matches.

    `now` (aware) starts the claim clock, `facts.reported_at` the resolution clock.
    """
    return decide(facts, compiled, now, compiled.cell_of(facts.category, facts.area), None)


def decide(facts: Facts, compiled: Compiled, now: datetime, cell: Cell, recorder: Recorder | None) -> RoutingDecision:
    errors: list[str] = []
    winner: Plan | None = None
    matched: list[Plan] = []
    for plan in cell.asked:
        held, error = True, None
        if plan.test is not None:
            try:
                held = plan.test(facts)
            except Exception as fault:  # noqa: BLE001 - a faulty rule must not keep a report from its owner
                held, error = False, f"rule-error: {plan.rule.id}: {type(fault).__name__}"
                errors.append(error)
        if recorder is not None:
            recorder.tried(plan, held=held, error=error)
        if not held:
            continue
        if winner is None and plan.owns:
            winner = plan
        matched.append(plan)
    return _decision(facts, compiled, now, winner or compiled.default, matched, errors)


def _decision(
    facts: Facts, compiled: Compiled, now: datetime, winner: Plan, matched: Sequence[Plan], errors: list[str]
) -> RoutingDecision:
    rule = winner.rule
    point = _point(facts, compiled) if winner.point_matters else None
    alone = len(matched) == 1
    return RoutingDecision(
        rule=rule.id,
        owner=rule.to[0],
        mode=rule.mode,
        offers=rule.to,
        bundle=compiled.id,
        copies=winner.copies_alone if alone else _collected([plan.copies for plan in matched], rule.to),
        priority=rule.priority or _usual_priority(facts, compiled),
        tags=rule.tags if alone else _collected([plan.rule.tags for plan in matched], ()),
        claim_due_at=winner.claim(now, point) if winner.claim else None,
        resolution_due_at=winner.fix(facts.reported_at, point) if winner.fix else None,
        group=rule.group,
        reasons=_reasons(facts, compiled, winner, errors),
        close_after_s=compiled.bundle.close_after_s,
    )


def _collected(parts: list[tuple[str, ...]], without: tuple[str, ...]) -> tuple[str, ...]:
    """All in order of rank, each once."""
    if not any(parts):
        return ()
    return tuple(dict.fromkeys(each for part in parts for each in part if each not in without))


def _usual_priority(facts: Facts, compiled: Compiled) -> str:
    category = compiled.categories.get(facts.category) if facts.category else None
    return category.priority if category else "P3"


def _point(facts: Facts, compiled: Compiled) -> Point | None:
    return centre_of(facts.cell) if facts.cell else compiled.bundle.centre


def _reasons(facts: Facts, compiled: Compiled, winner: Plan, errors: list[str]) -> tuple[str, ...]:
    """Why it fell to the desk: an unknown category in any case; the rest only when no rule but the default took it."""
    if facts.category is None:
        given = [why.detail for why in facts.why if why.subject == "category" and why.by == "unknown"]
        if given:
            return (f"unknown-category: {given[0]}", *errors)
        return ("no-category", *errors) if winner is compiled.default else tuple(errors)
    if winner is compiled.default:
        return (f"no-rule: {facts.category}", *errors)
    return tuple(errors)
