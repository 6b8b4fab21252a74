"""What is wrong with a bundle as a whole.

Rules that contradict each other, rules that can never win, cases that come out otherwise. What single rows say wrongly
has been found by the parser.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from routing_rules.areas import AreaTree
from routing_rules.calendars import CalendarError
from routing_rules.clocks import check_clock
from routing_rules.compile import compile_bundle
from routing_rules.conditions import World, region_of
from routing_rules.expect import failures
from routing_rules.explain import constraint_in_words
from routing_rules.model import Bundle, Rule, When
from routing_rules.problems import Problem
from routing_rules.ranking import is_narrower, ranked
from routing_rules.regions import AllOf, Between, OneOf, Region, covers, meet
from routing_rules.yaml_nodes import Place


class Finding(Struct, frozen=True):
    """About one rule ("" = the bundle); what is no error is a warning."""

    rule: str
    message: str
    is_error: bool = True


def positioned(finding: Finding, rules_at: Mapping[str, Place]) -> Problem:
    """The finding at the place of its rule."""
    place = rules_at.get(finding.rule) or next(iter(rules_at.values()), Place("pack.yaml", 1, 1))
    return place.problem(f"rule {finding.rule}: {finding.message}" if finding.rule else finding.message)


def check_bundle(bundle: Bundle, *, run_cases: bool = False) -> list[Finding]:
    """All findings; a bundle with an error must not be published. `run_cases` also runs the `expect` cases."""
    findings = list(_broken(bundle))
    if findings:
        return findings
    world = World(tuple(item.id for item in bundle.categories), AreaTree(bundle.areas))
    regions = {rule.id: region_of(rule.when, world) for rule in bundle.rules}
    order, vain = ranked(bundle.rules, regions)
    for rule, below in vain:
        findings.append(Finding(rule.id, f"cannot override {below}: that rule is more specific, or overrides this one"))
    findings += _conflicts(order, regions)
    findings += _dead(order, regions)
    if run_cases and not any(finding.is_error for finding in findings):
        compiled = compile_bundle(bundle, "candidate")
        findings += [Finding(rule, message) for rule, message in failures(compiled)]
    return findings


def _broken(bundle: Bundle) -> Iterator[Finding]:
    """What would keep a bundle from deciding at all; a parsed pack has none of it, foreign bytes may."""
    if sum(item.desk for item in bundle.responders) != 1:
        yield Finding("", "exactly one responder must be the desk")
    if not any(rule.owns and rule.when == When() for rule in bundle.rules):
        yield Finding("", "there is no default rule")
    responders = Counter(item.id for item in bundle.responders)
    rules = Counter(rule.id for rule in bundle.rules)
    for name, count in (*rules.items(), *responders.items()):
        if count > 1:
            yield Finding("", f"{name} stands there {count} times")
    for rule in bundle.rules:
        yield from _broken_rule(rule, bundle, rules.keys() - {rule.id}, responders.keys())


def _broken_rule(rule: Rule, bundle: Bundle, others: Collection[str], responders: Collection[str]) -> Iterator[Finding]:
    astray = [below for below in rule.overrides if below not in others]
    if astray:
        yield Finding(rule.id, f"overrides {', '.join(astray)}: no other rule")
    unknown = [name for name in (*rule.to, *rule.copies) if name not in responders]
    if unknown or (rule.owns and not rule.to):
        yield Finding(rule.id, f"sends to nobody known: {', '.join(unknown) or '-'}")
    for name, clock in (("claim", rule.claim), ("fix", rule.fix)):
        try:
            if clock is not None:
                check_clock(clock, bundle.calendars, name)
        except CalendarError as error:
            yield Finding(rule.id, str(error))


def _conflicts(order: Sequence[Rule], regions: Mapping[str, Region]) -> Iterator[Finding]:
    """Two rules that overlap, neither narrower nor overriding, and offer to others: which one wins would be chance."""
    owners = [rule for rule in order if rule.owns]
    for one, other in _neighbours(owners, regions):
        common = meet(regions[one.id], regions[other.id])
        if common is None or (one.to, one.mode) == (other.to, other.mode) or _is_settled(one, other, regions):
            continue
        if any(_decides(third, common, one, other, regions) for third in owners):
            continue
        yield Finding(
            one.id,
            f"overlaps with rule {other.id}, which offers to {', '.join(other.to)} instead of {', '.join(one.to)}: "
            f"e.g. a report with {example(common)}. Write `overrides: [{other.id}]` here, the reverse there, "
            "or a rule for what they share",
        )


def _neighbours(owners: Sequence[Rule], regions: Mapping[str, Region]) -> Iterator[tuple[Rule, Rule]]:
    """Each pair that shares a category, once."""
    by_category: defaultdict[object, list[Rule]] = defaultdict(list)
    everywhere: list[Rule] = []
    for rule in owners:
        constraint = regions[rule.id].get("category")
        if isinstance(constraint, OneOf):
            for category in constraint.values:
                by_category[category].append(rule)
        else:
            everywhere.append(rule)
    seen: set[tuple[str, str]] = set()
    for group in (everywhere, *by_category.values()):
        rest = [] if group is everywhere else everywhere
        for number, one in enumerate(group):
            for other in (*group[number + 1 :], *rest):
                pair = (one.id, other.id)
                if pair not in seen:
                    seen.add(pair)
                    yield one, other


def _is_settled(one: Rule, other: Rule, regions: Mapping[str, Region]) -> bool:
    if other.id in one.overrides or one.id in other.overrides:
        return True
    return is_narrower(regions[one.id], regions[other.id]) or is_narrower(regions[other.id], regions[one.id])


def _decides(third: Rule, common: Region, one: Rule, other: Rule, regions: Mapping[str, Region]) -> bool:
    """Whether a third rule wins wherever both match."""
    return (
        third not in (one, other)
        and covers(regions[third.id], common)
        and all(is_narrower(regions[third.id], regions[each.id]) or each.id in third.overrides for each in (one, other))
    )


def example(region: Region) -> str:
    """One report of a region in words: "category road/hole, band dark"."""
    said = []
    for fact, constraint in region.items():
        if isinstance(constraint, OneOf):
            said.append(f"{fact} {min(constraint_in_words(OneOf(frozenset((value,)))) for value in constraint.values)}")
        elif isinstance(constraint, Between):
            said.append(f"{fact} {constraint.example():g}")
        elif isinstance(constraint, AllOf):
            said.append(f"{fact} {constraint_in_words(constraint)}")
    return ", ".join(said) or "anything in it"


def _dead(order: Sequence[Rule], regions: Mapping[str, Region]) -> Iterator[Finding]:
    """Owners before which another always wins: the same conditions twice, or overridden by something wider."""
    first: dict[object, str] = {}
    owners = [rule for rule in order if rule.owns]
    for rule in owners:
        before = first.setdefault(frozenset(regions[rule.id].items()), rule.id)
        if before != rule.id:
            yield Finding(rule.id, f"can never win: rule {before} has the same conditions", is_error=False)
        for below in rule.overrides:
            if covers(regions[rule.id], regions[below]):
                yield Finding(below, f"can never win: rule {rule.id} overrides it and is as wide", is_error=False)
