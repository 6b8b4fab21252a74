"""Which open incident a report is another voice of: values in, an id or None out."""

from collections.abc import Iterable
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Final

from msgspec import Struct

from schemas.facts import GroupBy

_EARTH_RADIUS_M: Final = 6_371_008.8  # mean radius, IUGG
_DEGREE_M: Final = radians(1) * _EARTH_RADIUS_M


class Spot(Struct, frozen=True, gc=False):
    """Where and when something was reported: degrees WGS-84 when located, `place_key` equal = same place."""

    point: tuple[float, float] | None
    place_key: str | None
    reported_at: datetime


class Standing(Struct, frozen=True, gc=False):
    """An open incident of the same category that a report may join."""

    incident_id: str
    spot: Spot


def cells_around(point: tuple[float, float], within_m: float) -> list[str]:
    """All 0.01° cells "lat*100:lon*100" that a point (lat, lon) no farther than `within_m` may lie in; its own too.

    Mostly one. Of two reports that may meet, each finds the other's cell, so locks on these cells keep them apart.
    """
    lat, lon = point
    up = within_m / _DEGREE_M + 1e-6  # cells are counted in whole millionths
    right = up / max(0.01, cos(radians(min(90.0, abs(lat) + up))))
    rows = range(_hundredth(lat - up), _hundredth(lat + up) + 1)
    columns = range(_hundredth(lon - right), _hundredth(lon + right) + 1)
    return [f"{row}:{column}" for row in rows for column in columns]


def _hundredth(degrees: float) -> int:
    """As `routing_rules.coordinates.cell_of` counts."""
    return round(degrees * 1e6) // 10_000


def match(spot: Spot, by: GroupBy, standing: Iterable[Standing]) -> str | None:
    """The nearest open incident within the limits, the oldest of equals; None = it is a thing of its own."""
    found = [
        (distance, other.spot.reported_at, other.incident_id)
        for other in standing
        if abs((spot.reported_at - other.spot.reported_at).total_seconds()) <= by.for_s
        and (distance := _apart_m(spot, other.spot)) is not None
        and distance <= by.within_m
    ]
    return min(found)[2] if found else None


def _apart_m(one: Spot, other: Spot) -> float | None:
    """Metres between two located spots; 0 for equal place keys when one of them is unlocated; None = no telling."""
    if one.point is None or other.point is None:
        return 0.0 if one.place_key is not None and one.place_key == other.place_key else None
    return distance_m(one.point, other.point)


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance in metres between two (lat, lon) points in degrees."""
    (lat_1, lon_1), (lat_2, lon_2) = one, other
    phi_1, phi_2 = radians(lat_1), radians(lat_2)
    half = sin((phi_2 - phi_1) / 2) ** 2 + cos(phi_1) * cos(phi_2) * sin(radians(lon_2 - lon_1) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * asin(sqrt(half))
