"""A small world of facts that can be listed completely, and random rules about it, for comparing with plain scans."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import product

from hypothesis import strategies as st

from routing_rules.model import Area, Bundle, Category, Range, Responder, Rule, When
from schemas.facts import Facts
from schemas.reports import Scalar

AT = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
CATEGORIES = ("a", "a/x", "a/y", "b")
AREAS = ("1", "12", "13")
RESPONDERS = ("desk", "r1", "r2", "r3")
_GIVEN: tuple[dict[str, Scalar], ...] = ({}, {"k": 1})
# One value more in each than any rule names, so that no list of values is the same as no condition or as a range.
WORLD = tuple(
    Facts(source=source, reported_at=AT, category=category, area=area, severity=severity, flags=flags, attributes=given)
    for category, area, source, severity, flags, given in product(
        (*CATEGORIES, None),
        (*AREAS, "129", None),
        ("s", "t", "other"),
        (1, 2, 3, 5, None),
        ((), ("f",), ("g",), ("f", "g")),
        _GIVEN,
    )
)


def some(values: Sequence[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(lambda found: tuple(sorted(found)))


ranges = st.sampled_from([(), (1,), (1, 3), Range(at_least=2), Range(below=3), Range(at_least=2, at_most=3)])
whens = st.builds(
    When,
    category=some((*CATEGORIES, "a/*")),
    area=some(AREAS),
    source=some(("s", "t")),
    severity=ranges,
    flags=some(("f", "g")),
    attributes=st.sampled_from([{}, {}, {}, {"k": (1,)}]),
)


@st.composite
def bundles(draw: st.DrawFn, *, overriding: bool = True) -> Bundle:
    """Random rules and the default; what they override is random too."""
    count = draw(st.integers(1, 6))
    ids = [f"rule-{number}" for number in range(count)]
    rules = [Rule(id="default", to=("desk",), mode="first-claim")]
    for id_ in ids:
        others = [other for other in ids if other != id_]
        rules.append(
            Rule(
                id=id_,
                when=draw(whens),
                to=tuple(draw(st.lists(st.sampled_from(RESPONDERS), min_size=1, max_size=2, unique=True))),
                mode=draw(st.sampled_from(["first-claim", "race", "all", "copy"])),
                copies=draw(some(RESPONDERS)),
                tags=draw(some(("t1", "t2"))),
                overrides=draw(some(others)) if others and overriding and draw(st.booleans()) else (),
            )
        )
    return Bundle(
        jurisdiction="test",
        zone="UTC",
        responders=tuple(Responder(id=id_, desk=id_ == "desk") for id_ in RESPONDERS),
        categories=tuple(Category(id=id_) for id_ in CATEGORIES),
        areas=tuple(Area(id=id_) for id_ in AREAS),
        rules=tuple(draw(st.permutations(rules))),
    )


# ── the plain reading of a rule, written without looking at the product's code ────────────────────
def matches(rule: Rule, facts: Facts) -> bool:
    when = rule.when
    return all((
        not when.category or any(_is_kind(facts.category, pattern) for pattern in when.category),
        not when.area or any((facts.area or "").startswith(area) for area in when.area),
        not when.source or facts.source in when.source,
        when.severity == () or _in_values(facts.severity, when.severity),
        set(when.flags) <= set(facts.flags),
        all(_in_values(facts.attributes.get(name), values) for name, values in when.attributes.items()),
    ))  # fmt: skip


def _is_kind(category: str | None, pattern: str) -> bool:
    if category is None or not pattern.endswith("/*"):
        return category == pattern
    return category == pattern[:-2] or category.startswith(pattern[:-1])


def _in_values(value: object, values: object) -> bool:
    if not isinstance(values, Range):
        return value in values  # type: ignore[operator]
    if not isinstance(value, int):
        return False
    low = values.at_least if values.at_least is not None else float("-inf")
    high = values.at_most if values.at_most is not None else float("inf")
    return low <= value <= high and (values.below is None or value < values.below)


def reach(rule: Rule) -> frozenset[int]:
    """The facts of the world that a rule means, by number."""
    return frozenset(number for number, facts in enumerate(WORLD) if matches(rule, facts))


def unbeaten(bundle: Bundle, number: int, reaches: dict[str, frozenset[int]]) -> Iterator[Rule]:
    """Owners that match these facts of the world and before which no other such owner stands."""
    owners = [rule for rule in bundle.rules if rule.owns and number in reaches[rule.id]]
    for rule in owners:
        if not any(_beats(other, rule, reaches) for other in owners if other is not rule):
            yield rule


def _beats(one: Rule, other: Rule, reaches: dict[str, frozenset[int]]) -> bool:
    return other.id in one.overrides or reaches[one.id] < reaches[other.id]
