"""The conditions of rules: what each means as a set (for specificity) and as a test of facts (for routing).

A new kind of condition is one row here, one in `parse_rules` and one in the guide. Category and area have no test: the
index of `compile` has settled them before a rule is looked at.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import NamedTuple

from routing_rules.areas import AreaTree
from routing_rules.model import Range, Values, When
from routing_rules.regions import AllOf, Between, Constraint, OneOf, Region, typed
from schemas.facts import Facts

Test = Callable[[Facts], bool]
Read = Callable[[Facts], object]
ATTRIBUTE = "attributes."


class Condition(NamedTuple):
    """A residual condition of a rule. `fact` names what is looked at ("band", "attributes.lane"), `read` gets it."""

    fact: str
    constraint: Constraint
    read: Read
    holds: Test


class World(NamedTuple):
    """What the names in rules range over."""

    categories: tuple[str, ...]
    areas: AreaTree


def region_of(when: When, world: World) -> Region:
    """The reports a rule means. Patterns of categories and areas become the declared ids they stand for."""
    return dict(_constraints(when, world))


def _constraints(when: When, world: World) -> Iterator[tuple[str, Constraint]]:
    if when.category:
        ids = (id_ for pattern in when.category for id_ in categories_of(pattern, world.categories))
        yield "category", OneOf(frozenset(ids))
    if when.area:
        yield "area", OneOf(frozenset().union(*map(world.areas.below, when.area)))
    for fact, values in (("source", when.source), ("channel", when.channel), ("band", when.band)):
        if values:
            yield fact, OneOf(frozenset(values))
    if when.weekday:
        yield "weekday", OneOf(frozenset(when.weekday))
    if when.severity:
        yield "severity", _of(when.severity)
    for fact, several in (("flags", when.flags), ("keywords", when.keywords)):
        if several:
            yield fact, AllOf(frozenset(several))
    for name, allowed in when.attributes.items():
        yield ATTRIBUTE + name, _of(allowed)


def _of(values: Values) -> Constraint:
    return Between.of(values) if isinstance(values, Range) else OneOf(frozenset(map(typed, values)))


def categories_of(pattern: str, categories: tuple[str, ...]) -> tuple[str, ...]:
    """What a pattern stands for: "lighting/*" is lighting and everything under it; anything else is itself."""
    if not pattern.endswith("/*"):
        return (pattern,)
    return tuple(id_ for id_ in categories if id_ == pattern[:-2] or id_.startswith(pattern[:-1]))


def conditions_of(region: Region) -> tuple[Condition, ...]:
    """The tests that remain once category and area are settled. None holds for a fact that is unknown."""
    return tuple(
        Condition(fact, constraint, read := _reader(fact), _test(fact, read, constraint))
        for fact, constraint in region.items()
        if fact not in ("category", "area")
    )


def _test(fact: str, read: Read, constraint: Constraint) -> Test:
    if isinstance(constraint, Between):
        return _between(read, constraint)
    if isinstance(constraint, AllOf):
        return _all_of(read, constraint.values)
    return _one_of(read, constraint.values, exact=fact.startswith(ATTRIBUTE))


def _may_be_mistaken(values: frozenset[object]) -> bool:
    """Attributes may be true or false, which Python would take for 1 or 0."""
    return any(isinstance(value, tuple) or value in (0, 1) for value in values)


def test_of_all(conditions: tuple[Condition, ...]) -> Test | None:
    """All of them as one test; None = nothing left to ask."""
    tests = tuple(condition.holds for condition in conditions)
    if len(tests) <= 1:
        return tests[0] if tests else None

    def all_hold(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - half the time of all()
            if not test(facts):
                return False
        return True

    return all_hold


def _reader(fact: str) -> Read:
    if not fact.startswith(ATTRIBUTE):
        return attrgetter(fact)
    name = fact.removeprefix(ATTRIBUTE)
    return lambda facts: facts.attributes.get(name)


def _between(read: Read, between: Between) -> Test:
    return lambda facts: between.holds(read(facts))


def _all_of(read: Read, values: frozenset[object]) -> Test:
    return lambda facts: values.issubset(read(facts))  # type: ignore[arg-type]  # flags and keywords are tuples


def _one_of(read: Read, values: frozenset[object], *, exact: bool) -> Test:
    if exact and _may_be_mistaken(values):
        return lambda facts: typed(read(facts)) in values  # type: ignore[arg-type]  # None is in no set
    if len(values) == 1:
        (value,) = values
        return lambda facts: read(facts) == value
    return lambda facts: read(facts) in values
