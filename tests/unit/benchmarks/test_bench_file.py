"""The rows of `make bench`: what is better, what falls short, and whose rows a run replaces."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, write
from benchmarks.figures import Bound, Rounds, Row, percentile


def test_more_a_second_and_fewer_milliseconds_are_better() -> None:
    assert Row("a", 1_000, "/s", "naive", 100).ratio == 10
    assert Row("a", 20, "ms", "naive", 100).ratio == 5
    assert Row("a", 20, "ms").ratio is None


@pytest.mark.parametrize(("figure", "short"), [(10_000, False), (9_999.9, True)])
def test_a_bound_is_held_at_its_limit(figure: float, *, short: bool) -> None:
    assert Row("a", figure, "/s", bound=Bound(at_least=10_000)).short is short


def test_a_latency_has_an_upper_bound() -> None:
    assert Row("a", 60.1, "ms", bound=Bound(at_most=60)).short
    assert not Row("a", 60, "ms", bound=Bound(at_most=60)).short


def test_the_median_speaks_and_the_extremes_are_shown() -> None:
    rounds = Rounds.of([3_000, 1_000, 2_000])
    assert (rounds.median, str(rounds)) == (2_000, "1,000..3,000")


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile(range(1, 101), 0.99) == 100
    assert percentile([7.0], 0.99) == 7


def test_a_run_replaces_its_own_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write(path, "http.single", [Row("http.single", 1, "/s"), Row("http.single.p99", 2, "ms")])
    write(path, "timers.late", [Row("timers.late", 3, "ms", "naive", 6)])
    write(path, "http.single", [Row("http.single", 4, "/s")])
    rows = json.loads(path.read_text())
    assert [(row["name"], row["figure"]) for row in rows] == [("timers.late", 3), ("http.single", 4)]
    assert set(rows[0]) == {"name", "figure", "unit", "baseline", "baseline_figure", "ratio"}
    assert rows[0]["ratio"] == 2


def test_no_benchmark_owns_the_rows_of_another() -> None:
    assert not [(one, other) for one in BENCHMARKS for other in BENCHMARKS if other.startswith(f"{one}.")]
