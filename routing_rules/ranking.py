"""The order in which rules are asked: a rule before every rule that it is more specific than or overrides.

The order of rows means nothing; rules that cannot be compared come in a fixed order (more conditions first, then id).
"""

from collections.abc import Mapping, Sequence

from routing_rules.model import Rule
from routing_rules.regions import Region, covers, specificity


def is_narrower(one: Region, other: Region) -> bool:
    """Whether `one` means some of what `other` means and nothing else."""
    return covers(other, one) and not covers(one, other)


def ranked(rules: Sequence[Rule], regions: Mapping[str, Region]) -> tuple[list[Rule], list[tuple[Rule, str]]]:
    """(rules in order, [(rule, id of one it says to override but cannot)]).

    A rule cannot override one that is more specific than itself, or that overrides it in turn.
    """
    order = sorted(rules, key=lambda rule: (specificity(regions[rule.id]), rule.id))
    vain: list[tuple[Rule, str]] = []
    for rule in sorted(rules, key=lambda rule: rule.id):
        vain += [(rule, below) for below in rule.overrides if not _lift(order, rule, below, regions)]
    return order, vain


def _lift(order: list[Rule], rule: Rule, below: str, regions: Mapping[str, Region]) -> bool:
    """Move `rule`, and what must precede it, before `below`. False = impossible, nothing moved."""
    place = {each.id: number for number, each in enumerate(order)}
    first, last = place[below], place[rule.id]
    if last < first:
        return True
    moved = [rule]
    for each in reversed(order[first:last]):
        if any(_precedes(each, later, regions) for later in moved):
            moved.append(each)
    if moved[-1].id == below:
        return False
    moving = {each.id for each in moved}
    stays = [each for each in order[first : last + 1] if each.id not in moving]
    order[first : last + 1] = [*reversed(moved), *stays]
    return True


def _precedes(one: Rule, other: Rule, regions: Mapping[str, Region]) -> bool:
    return other.id in one.overrides or is_narrower(regions[one.id], regions[other.id])
