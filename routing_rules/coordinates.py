"""Points in several systems → WGS-84, and the 0.01° cells that facts carry."""

import math
import re

from routing_rules.model import Point
from schemas.reports import Location

_SYSTEMS = {"WGS84": "WGS-84", "EPSG4326": "WGS-84", "CRS84": "WGS-84", "OGCCRS84": "WGS-84", "GCJ02": "GCJ-02"}
_AXIS = 6378245.0  # of the Krasovsky 1940 ellipsoid, metres; the shift of GCJ-02 is defined on it
_FLATNESS = 0.00669342162296594323  # its first eccentricity squared


def to_wgs84(location: Location) -> tuple[Point | None, str]:
    """(point, "") or (None, why): coordinates out of range and systems that we do not know are set aside."""
    latitude, longitude = location.lat, location.lon
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # NaN fails too
        return None, "coordinates-out-of-range"
    if location.crs == "WGS-84":
        return (latitude, longitude), ""
    system = _SYSTEMS.get(re.sub(r"[^A-Z0-9]", "", location.crs[:40].upper()))
    if system is None:
        return None, "unknown-crs"
    return ((latitude, longitude) if system == "WGS-84" else _from_gcj02(latitude, longitude)), ""


def cell_of(point: Point) -> str:
    """The cell "lat*100:lon*100", rounded down; counted in whole millionths so that 46.69 is in cell 4669."""
    latitude, longitude = point
    return f"{round(latitude * 1e6) // 10_000}:{round(longitude * 1e6) // 10_000}"


def centre_of(cell: str) -> Point:
    """Middle of a cell."""
    latitude, _, longitude = cell.partition(":")
    return (int(latitude) + 0.5) / 100, (int(longitude) + 0.5) / 100


def _from_gcj02(latitude: float, longitude: float) -> Point:
    """Inverse of the published shift, by two steps of correction (residual below 0.1 m); none outside China."""
    if not (0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347):
        return latitude, longitude
    guess = (latitude, longitude)
    for _ in range(3):
        north, east = _shift(*guess)
        guess = (latitude - north, longitude - east)
    return guess


def _shift(latitude: float, longitude: float) -> Point:
    """Degrees by which GCJ-02 lies north and east of a WGS-84 point (the commonly published polynomial)."""
    x, y = longitude - 105.0, latitude - 35.0
    waves = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    radians = latitude / 180.0 * math.pi
    bulge = 1 - _FLATNESS * math.sin(radians) ** 2
    metres_north = _AXIS * (1 - _FLATNESS) / (bulge * math.sqrt(bulge)) * math.pi / 180.0
    metres_east = _AXIS / math.sqrt(bulge) * math.cos(radians) * math.pi / 180.0
    return north / metres_north, east / metres_east
