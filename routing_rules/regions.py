"""Which reports a rule means, as sets that can be compared: the base of specificity, overlaps and examples.

A region has one constraint for each condition ("category", "attributes.lane" …). Everything here is plain set algebra;
what a constraint tests on facts is in `conditions`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from routing_rules.model import Plain, Range

Typed = str | int | float | tuple[bool]
Rank = tuple[float, ...]


def typed(value: Plain) -> Typed:
    """The value as a set member: Python takes True for 1, a pack does not."""
    return (value,) if isinstance(value, bool) else value


@dataclass(frozen=True, slots=True)
class OneOf:
    """The fact is one of these."""

    values: frozenset[Typed]
    weight = 1

    def covers(self, other: "Constraint") -> bool:
        return isinstance(other, OneOf) and other.values <= self.values

    def meet(self, other: "Constraint") -> "Constraint | None":
        if isinstance(other, Between):
            return other.meet(self)
        common = self.values & other.values if isinstance(other, OneOf) else frozenset()
        return OneOf(common) if common else None

    def rank(self) -> Rank:
        return (0, len(self.values))


@dataclass(frozen=True, slots=True)
class Between:
    """The fact is a number between bounds; an open bound leaves its own value out."""

    low: float
    low_open: bool
    high: float
    high_open: bool
    weight = 1

    @classmethod
    def of(cls, bounds: Range) -> "Between":
        lows = [(bounds.at_least, False), (bounds.above, True)]
        highs = [(bounds.at_most, True), (bounds.below, False)]
        low, low_open = max(((low, is_open) for low, is_open in lows if low is not None), default=(-math.inf, False))
        high, closed = min(((high, closed) for high, closed in highs if high is not None), default=(math.inf, True))
        return cls(low, low_open, high, not closed)

    @property
    def is_empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def holds(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)

    def covers(self, other: "Constraint") -> bool:
        if isinstance(other, OneOf):
            return all(map(self.holds, other.values))
        return isinstance(other, Between) and self.meet(other) == other

    def meet(self, other: "Constraint") -> "Constraint | None":
        if isinstance(other, OneOf):
            held = frozenset(filter(self.holds, other.values))
            return OneOf(held) if held else None
        if isinstance(other, AllOf):
            return None
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        common = Between(low, low_open, high, not closed)
        return None if common.is_empty else common

    def rank(self) -> Rank:
        return (1, -self.low, -self.low_open, self.high, -self.high_open)

    def example(self) -> float:
        for value in (self.low, self.high, self.low + 1, self.high - 1, (self.low + self.high) / 2, 0.0):
            if math.isfinite(value) and self.holds(value):
                return value
        return math.nextafter(self.low, self.high)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these are among the many that the fact has."""

    values: frozenset[Typed]

    @property
    def weight(self) -> int:
        return len(self.values)

    def covers(self, other: "Constraint") -> bool:
        return isinstance(other, AllOf) and self.values <= other.values

    def meet(self, other: "Constraint") -> "Constraint | None":
        return AllOf(self.values | other.values) if isinstance(other, AllOf) else None

    def rank(self) -> Rank:
        return (0, -len(self.values))


Constraint = OneOf | Between | AllOf
Region = Mapping[str, Constraint]


def covers(wide: Region, narrow: Region) -> bool:
    """Whether every report that `narrow` means is meant by `wide` too."""
    return all(name in narrow and constraint.covers(narrow[name]) for name, constraint in wide.items())


def meet(one: Region, other: Region) -> Region | None:
    """The reports that both mean; None = there can be none."""
    common = dict(one)
    for name, constraint in other.items():
        both = constraint.meet(common[name]) if name in common else constraint
        if both is None:
            return None
        common[name] = both
    return common


def specificity(region: Region) -> tuple[object, ...]:
    """Sort key: what means less comes first. If `covers(a, b)` and not `covers(b, a)`, then b is before a.

    More conditions come first (each flag and keyword counts as one); with the same conditions, the narrower.
    """
    count = sum(constraint.weight for constraint in region.values())
    return (-count, tuple((name, region[name].rank()) for name in sorted(region)))
