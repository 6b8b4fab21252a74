"""What a benchmark hands back: figures beside their baselines, and the bounds they are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, Self

Unit = Literal["/s", "ms", "s", "MiB", "%", "µs", "x", "count"]
_MORE_IS_BETTER: Final = frozenset({"/s", "x", "%"})


@dataclass(frozen=True, slots=True)
class Bound:
    """`at_least` or `at_most` a limit, in the unit of the figure."""

    at_least: float | None = None
    at_most: float | None = None

    def holds(self, figure: float) -> bool:
        if self.at_least is not None and figure < self.at_least:
            return False
        return self.at_most is None or figure <= self.at_most

    def __str__(self) -> str:
        limits = [f"≥ {self.at_least:,g}" if self.at_least is not None else ""]
        limits += [f"≤ {self.at_most:,g}" if self.at_most is not None else ""]
        return " ".join(limit for limit in limits if limit)


@dataclass(frozen=True, slots=True)
class Rounds:
    """The same thing measured several times; the median speaks, the extremes tell how far to trust it."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        return f"{_short(min(self.values))}..{_short(max(self.values))}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `baseline` says in words what `baseline_figure` was measured on; None = nothing to compare with.

    `spread` and `note` are for the table only.
    """

    name: str
    figure: float
    unit: Unit
    baseline: str | None = None
    baseline_figure: float | None = None
    bound: Bound | None = None
    spread: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the baseline."""
        if self.baseline_figure is None or 0 in {self.figure, self.baseline_figure}:
            return None
        better = self.figure / self.baseline_figure
        return better if self.unit in _MORE_IS_BETTER else 1 / better

    @property
    def short(self) -> bool:
        """Whether the figure falls short of its bound."""
        return self.bound is not None and not self.bound.holds(self.figure)

    def told(self) -> dict[str, str | float | None]:
        """As var/bench.json has it."""
        return {
            "name": self.name,
            "figure": self.figure,
            "unit": self.unit,
            "baseline": self.baseline,
            "baseline_figure": self.baseline_figure,
            "ratio": self.ratio,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of a non-empty sequence; `share` in 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def shown(figure: float | None) -> str:
    return "" if figure is None else _short(figure)


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
