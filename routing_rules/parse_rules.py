"""The language of rules: rows of `rules` → Rule.

Every name must be declared in the pack; what this version cannot do yet is said, not ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from routing_rules.calendars import WEEKDAYS, Calendar, CalendarError
from routing_rules.clocks import ClockSpec, check_clock, parse_clock
from routing_rules.conditions import categories_of
from routing_rules.fields import Fields, unknown
from routing_rules.model import Case, Plain, Priority, Range, Responder, Rule, RuleMode, Values, When
from routing_rules.parse_cases import parse_case
from routing_rules.regions import Between
from routing_rules.yaml_nodes import Mapping as MappingNode
from routing_rules.yaml_nodes import Place, Scalar
from schemas.facts import GroupBy

PRIORITIES = ("P1", "P2", "P3", "P4")
MODES = ("first-claim", "race", "all", "copy")
_BOUNDS = ("at-least", "above", "at-most", "below")


@dataclass(frozen=True)
class Names:
    """What rules may refer to."""

    responders: Mapping[str, Responder]
    categories: tuple[str, ...]
    areas: frozenset[str]
    bands: tuple[str, ...]
    keywords: frozenset[str]
    flags: frozenset[str]
    calendars: Mapping[str, Calendar]


def parse_rules(pack: Fields, names: Names) -> tuple[tuple[Rule, ...], dict[str, Place]]:
    """All rules in the order of the files, and the place of each."""
    rows = pack.items("rules", "a rule")
    rules = tuple(_rule(row, names) for row in rows)
    places: dict[str, Place] = {}
    for row, rule in zip(rows, rules, strict=True):
        if rule.id and rule.id in places:
            first = places[rule.id]
            row.wrong("id", f"rule {rule.id!r} stands already in {first.file}, line {first.line}")
        places.setdefault(rule.id, row.place)
    for row, rule in zip(rows, rules, strict=True):
        _check_references(row, rule, places)
    _check_default(pack, rows, rules, names)
    return rules, places


def _check_references(row: Fields, rule: Rule, places: Mapping[str, Place]) -> None:
    for scalar in row.scalars("overrides"):
        if scalar.text not in places or scalar.text == rule.id:
            row.note(scalar.place, unknown("rule", scalar.text, places.keys() - {rule.id}))
    for case in rule.expect:
        if case.rule is not None and case.rule not in places:
            row.wrong("expect", unknown("rule", case.rule, places))


def _check_default(pack: Fields, rows: list[Fields], rules: tuple[Rule, ...], names: Names) -> None:
    """Whatever no rule owns belongs to the desk, and the pack says so in one rule."""
    defaults = [(row, rule) for row, rule in zip(rows, rules, strict=True) if rule.owns and rule.when == When()]
    good = [row for row, _ in defaults if isinstance(row.node("when"), Scalar)]
    if not good:
        pack.wrong("rules", "the pack needs a default rule to the desk: {id: default, when: any, send: {to: DESK}}")
    for row, rule in defaults:
        owner = names.responders.get(rule.to[0]) if rule.to else None
        if row in good and owner is not None and not owner.desk:
            row.wrong("send", f"the default rule goes to the desk, not to {owner.id}")


def _rule(row: Fields, names: Names) -> Rule:
    row.unsupported("escalate", "need", "storm", "questions", "warn", "gather")
    to, mode, copies = _send(row, names)
    clocks = row.fields("clock", "`clock`")
    rule = Rule(
        id=row.id(),
        when=_when(row, names),
        to=to,
        mode=mode,
        copies=copies,
        priority=cast("Priority | None", row.choice("priority", PRIORITIES)),
        tags=row.texts("tags"),
        claim=_clock(clocks, "claim", names),
        fix=_clock(clocks, "fix", names),
        group=_group(row),
        overrides=row.texts("overrides"),
        expect=_cases(row, names),
    )
    if clocks is not None:
        clocks.finish()
    _check_shape(row, rule)
    row.finish()
    return rule


def _check_shape(row: Fields, rule: Rule) -> None:
    """A rule owns (then it sends), or adds; what only an owner decides may not stand in the other."""
    if rule.owns:
        return
    if not (rule.to or rule.copies or rule.tags):
        row.note(row.place, "a rule needs `send`, or at least `tags` to add")
    for key in ("priority", "clock", "group", "overrides"):
        if row.has(key):
            row.wrong(key, f"`{key}` belongs to a rule that owns; this one only adds copies and tags")


def _send(row: Fields, names: Names) -> tuple[tuple[str, ...], RuleMode, tuple[str, ...]]:
    send = row.fields("send", "`send`")
    if send is None:
        return (), "copy", ()
    send.unsupported("with", "need")
    to = send.references("to", names.responders, "responder")
    if send.text_is("mode", "gather"):
        send.wrong("mode", "mode `gather` is not yet supported; first-claim, race, all and copy are")
        mode = "first-claim"
    else:
        mode = send.choice("mode", MODES) or "first-claim"
    copies = send.references("copy", names.responders, "responder")
    if mode != "copy" and not send.has("to"):
        send.note(send.place, "`send` needs `to`")
    send.finish()
    return to, cast("RuleMode", mode), copies


def _clock(clocks: Fields | None, key: str, names: Names) -> ClockSpec | None:
    if clocks is None:
        return None
    spec = clocks.parsed(key, parse_clock, key)
    if spec is not None:
        try:
            check_clock(spec, names.calendars, key)
        except CalendarError as error:
            clocks.wrong(key, str(error))
    return spec


def _group(row: Fields) -> GroupBy | None:
    group = row.fields("group", "`group`")
    if group is None:
        return None
    within_m, for_s = group.distance_m("within"), group.span_s("for")
    group.finish()
    return None if within_m is None or for_s is None else GroupBy(within_m, for_s)


def _when(row: Fields, names: Names) -> When:
    node = row.node("when", required=True)
    if node is None or (isinstance(node, Scalar) and node.text == "any"):
        return When()
    when = Fields(node, "`when`", row.problems)
    if isinstance(node, MappingNode) and not node.values:
        row.note(node.place, "no condition here; a rule for everything says `when: any`")
    found = When(
        category=_categories(when, names),
        area=_sorted(when.references("area", names.areas, "area")),
        source=_sorted(when.texts("source")),
        channel=_sorted(when.texts("channel")),
        severity=_values(when, "severity"),
        flags=_several(when, "flag", names.flags),
        keywords=_several(when, "keyword", names.keywords),
        attributes=_attributes(when),
        band=_sorted(when.references("band", names.bands, "band")),
        weekday=tuple(sorted(map(WEEKDAYS.index, when.references("weekday", WEEKDAYS, "weekday")))),
    )
    when.unsupported("any", "not", "season", "weather", "workday", "holiday", "text")
    when.finish()
    return found


def _sorted(values: tuple[str, ...]) -> tuple[str, ...]:
    """Sets are written in one order, so that their order in the file means nothing."""
    return tuple(sorted(values))


def _categories(when: Fields, names: Names) -> tuple[str, ...]:
    for scalar in when.scalars("category"):
        if not set(categories_of(scalar.text, names.categories)) & set(names.categories):
            when.note(scalar.place, unknown("category", scalar.text, names.categories))
    return _sorted(when.texts_quietly("category"))


def _several(when: Fields, noun: str, known: frozenset[str]) -> tuple[str, ...]:
    """`flag` and `flags` are the same key in two numbers; all that are named must be there."""
    found = (*when.references(noun, known, noun), *when.references(f"{noun}s", known, noun))
    return _sorted(tuple(set(found)))


def _attributes(when: Fields) -> dict[str, Values]:
    section = when.fields("attributes", "`attributes`")
    if section is None:
        return {}
    found = {key.text: _values(section, key.text) for key, _ in section.pairs()}
    return {name: found[name] for name in sorted(found) if found[name] != ()}


def _values(row: Fields, key: str) -> Values:
    """A value, a list of values (one of them), or a range of numbers."""
    node = row.node(key)
    if isinstance(node, MappingNode):
        return _range(Fields(node, f"`{key}`", row.problems))
    found = [value for scalar in row.scalars(key) if (value := scalar.value) is not None]
    unique: dict[tuple[type, Plain], Plain] = {(type(value), value): value for value in found}
    return tuple(sorted(unique.values(), key=lambda value: (type(value).__name__, value)))


def _range(row: Fields) -> Values:
    bounds = {key.replace("-", "_"): row.number(key) for key in _BOUNDS}
    row.finish()
    found = Range(**bounds)
    if all(bound is None for bound in bounds.values()):
        row.note(row.place, f"a range needs {', '.join(_BOUNDS[:-1])} or {_BOUNDS[-1]}")
    elif Between.of(found).is_empty:
        row.note(row.place, "no number lies in this range")
    return found


def _cases(row: Fields, names: Names) -> tuple[Case, ...]:
    return tuple(parse_case(case, names.responders, names.categories) for case in row.items("expect", "a case"))
