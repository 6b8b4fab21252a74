"""The judge of `make replay-boston` on made-up cases: it says SHORT where it must."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from benchmarks import boston_figures as figures
from benchmarks.boston_city import CityCase
from benchmarks.boston_replayed import Breach, OurCase, Replayed

OPENED = datetime(2011, 11, 7, 15, 0, tzinfo=UTC)
TARGET = OPENED + timedelta(days=2)


def city_case(case_id: str, *, overdue: bool = False, linked: str | None = None, kind: str = "x") -> CityCase:
    return CityCase(
        case_id=case_id,
        kind=kind,
        opened_on=date(2011, 11, 7),
        target_at=TARGET,
        closed_at=TARGET + timedelta(hours=1 if overdue else -1),
        overdue=overdue,
        queue="lamps",
        department="works",
        is_duplicate=linked is not None,
        linked=linked,
    )


def our_case(incident_id: str, *, due_at: datetime | None = TARGET, joined: bool = False) -> OurCase:
    return OurCase(incident_id, "lamps", due_at, joined)


def replayed(breaches: dict[str, list[Breach]]) -> Replayed:
    return Replayed({"1": our_case("i1"), "2": our_case("i2")}, breaches, 2, None)


CITY = {"1": city_case("1", overdue=True), "2": city_case("2")}
RANG = Breach("resolution", TARGET)


@pytest.mark.parametrize(
    ("breaches", "right", "exact", "twice"),
    [
        ({"i1": [RANG]}, "2 of 2", True, True),
        ({}, "1 of 2", True, True),
        ({"i1": [RANG], "i2": [RANG]}, "1 of 2", True, True),
        ({"i1": [Breach("resolution", TARGET + timedelta(microseconds=1))]}, "2 of 2", False, True),
        ({"i1": [Breach("claim", TARGET)]}, "2 of 2", False, True),
        ({"i1": [RANG, RANG]}, "2 of 2", True, False),
        ({"i1": [RANG], "i3": [RANG]}, "2 of 2", False, True),
    ],
)
def test_breaches(breaches: dict[str, list[Breach]], right: str, *, exact: bool, twice: bool) -> None:
    agree, at_target, once, _ = figures.breaches(CITY, replayed(breaches))
    assert (agree.measured, at_target.holds, once.holds) == (right, exact, twice)


@pytest.mark.parametrize(("off_s", "holds"), [(90, True), (-90, True), (91, False), (None, False)])
def test_due_times(off_s: int | None, *, holds: bool) -> None:
    city = {str(number): city_case(str(number), kind=kind) for number, kind in enumerate(figures.KINDS)}
    due_at = None if off_s is None else TARGET + timedelta(seconds=off_s)
    ours = {case_id: our_case(case_id, due_at=due_at) for case_id in city}
    assert {figure.holds for figure in figures.due_times(city, ours)} == {holds}


def test_a_missing_row_falls_short_everywhere() -> None:
    ours = replayed({})
    ours.cases.pop("2")
    assert figures.taken("A", CITY, ours)[0].holds is False
    assert figures.breaches(CITY, ours)[0].holds is False


def test_whatever_grew_in_a_second_run_is_named() -> None:
    assert figures.second_run({"journal": 1, "bodies": 2}, {"journal": 1, "bodies": 3}).measured == "bodies"
    assert figures.second_run({"journal": 1}, {"journal": 1}).holds


def test_grouping() -> None:
    city = {
        "1": city_case("1"),
        "2": city_case("2", linked="1"),
        "3": city_case("3", linked="3"),
        "4": city_case("4", linked="1"),
        "5": city_case("5"),
    }
    ours = {
        "1": our_case("i1"),
        "2": our_case("i1", joined=True),
        "3": our_case("i3"),
        "4": our_case("i4"),
        "5": our_case("i3", joined=True),
    }
    joined, recall, ceiling, precise, flagged = (figure.measured for figure in figures.grouping(city, ours))
    assert joined == "2; 3"
    assert recall == "33.3 % (1 of 3)"
    assert ceiling == "66.7 % (2 of 3)"
    assert precise == "50.0 % (1 of 2)"
    assert flagged == "100.0 % (2 of 2)"
