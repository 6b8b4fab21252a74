"""Which open incident a report is another voice of: values in, an id or None out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Final

from schemas.facts import GroupBy

_EARTH_RADIUS_M: Final = 6_371_008.8  # mean radius, IUGG


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and when something was reported: degrees WGS-84 when located, `place_key` equal = same place."""

    point: tuple[float, float] | None
    place_key: str | None
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """An open incident of the same category that a report may join."""

    incident_id: str
    spot: Spot


def neighbours(cell: str) -> list[str]:
    """The 0.01° cell "lat*100:lon*100" and the eight around it.

    Two points up to 500 m apart never miss each other below 60 degrees of latitude.
    """
    lat, lon = (int(part) for part in cell.split(":"))
    return [f"{lat + up}:{lon + right}" for up in (-1, 0, 1) for right in (-1, 0, 1)]


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
