"""Grouping looks in few cells and misses nobody."""

from datetime import UTC, datetime, timedelta
from math import cos, radians

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.grouping import Spot, Standing, cells_around, distance_m, match
from routing_rules.coordinates import cell_of
from schemas.facts import GroupBy

NOON = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
latitudes = st.floats(-70, 70)
longitudes = st.floats(-179, 179)
metres = st.floats(0, 5_000)
shares = st.floats(-1, 1)


@given(latitudes, longitudes, metres, shares, shares)
def test_whoever_is_near_enough_lies_in_one_of_the_cells(
    lat: float, lon: float, within_m: float, up: float, right: float
) -> None:
    """Around the circle and its corners; who is too far is not asked about."""
    here = (lat, lon)
    degrees = within_m / 111_195
    there = (lat + up * degrees, lon + right * degrees / cos(radians(lat)))
    if distance_m(here, there) <= within_m:
        assert cell_of(there) in cells_around(here, within_m)
        assert cell_of(here) in cells_around(there, within_m)


@given(latitudes, longitudes, metres)
def test_ones_own_cell_is_among_them(lat: float, lon: float, within_m: float) -> None:
    assert cell_of((lat, lon)) in cells_around((lat, lon), within_m)


def test_a_small_circle_in_the_middle_of_a_cell_needs_no_other() -> None:
    assert cells_around((46.695, 126.105), 30) == ["4669:12610"]


def test_a_circle_over_a_corner_needs_four() -> None:
    assert sorted(cells_around((46.7, 126.1), 30)) == ["4669:12609", "4669:12610", "4670:12609", "4670:12610"]


def test_two_kilometres_reach_beyond_the_next_cell() -> None:
    """A cell is 764 m wide here."""
    here, there = (46.695, 126.1099), (46.695, 126.1301)
    assert distance_m(here, there) < 2_000
    assert cell_of(there) in cells_around(here, 2_000)


def test_the_nearest_within_the_limits_wins() -> None:
    by = GroupBy(100, 3_600)
    later = NOON + timedelta(minutes=30)
    standing = [
        Standing("far", Spot((46.6905, 126.1), None, NOON)),
        Standing("near", Spot((46.6901, 126.1), None, NOON)),
        Standing("old", Spot((46.69, 126.1), None, NOON - timedelta(hours=1))),
    ]
    assert match(Spot((46.69, 126.1), None, later), by, standing) == "near"


def test_an_unlocated_report_meets_its_place_by_name_only() -> None:
    by = GroupBy(100, 3_600)
    standing = [Standing("named", Spot((46.69, 126.1), "泰和街21号", NOON))]
    assert match(Spot(None, "泰和街21号", NOON), by, standing) == "named"
    assert match(Spot(None, "泰和街22号", NOON), by, standing) is None
    assert match(Spot((46.79, 126.1), "泰和街21号", NOON), by, standing) is None
