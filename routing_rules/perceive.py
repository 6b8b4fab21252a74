"""`perceive`: what a report is about, and where. The only place that reads its text; what leaves are codes and hits."""

import re
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from routing_rules.compile import Compiled, rounded
from routing_rules.coordinates import cell_of, to_wgs84
from routing_rules.keywords import NOTHING, Reading
from routing_rules.model import Point
from routing_rules.places import place_key
from routing_rules.words import normalise
from schemas.facts import Facts, Why
from schemas.reports import Report, Scalar

T = TypeVar("T")
_AHEAD = timedelta(days=1)
_BACK = timedelta(days=3_653)  # ten years
_LONGEST_WORD = 200  # characters of a channel, severity or attribute: longer ones are no codes
_LONG_NUMBER = re.compile(r"[0-9]{5,}")
_GIVEN = Why("category", "given")
_AREA_GIVEN = Why("area", "given")
_AREA_BY_POINT = Why("area", "coordinates")


class _Notes:
    """Reasons and warnings, gathered on the way."""

    __slots__ = ("warnings", "why")

    def __init__(self) -> None:
        self.why: list[Why] = []
        self.warnings: list[str] = []

    def warn(self, code: str, detail: str = "") -> None:
        self.warnings.append(f"{code}: {detail}" if detail else code)


def perceive(report: Report, compiled: Compiled, received_at: datetime) -> Facts:
    """Pure and total: never raises for content; what cannot be used is set aside with a warning.

    `received_at` is aware. The category given is taken or left, never guessed at; the keyword table decides only when
    none was given. `place_key` is in plain words here.
    """
    notes = _Notes()
    text = normalise(report.text) if report.text else ""
    reading = compiled.keywords.read(text) if text else NOTHING
    reported_at, local = _reported_at(report, compiled, received_at, notes)
    category = _category(report, compiled, reading, notes)
    point = _located(report, compiled, notes)
    area = _area(report, compiled, point, notes)
    return Facts(
        source=report.source,
        reported_at=reported_at,
        category=category,
        area=area,
        cell=cell_of(point) if point else None,
        place_key=place_key(report.place, text) if report.place or text else None,
        channel=_short("channel", report.channel, notes),
        severity=_short("severity", report.severity, notes),
        flags=reading.flags,
        keywords=reading.ids,
        attributes=_attributes(report, compiled, notes) if report.attributes else {},
        band=compiled.bands.of(local),
        weekday=local.weekday(),
        why=tuple(notes.why),
        warnings=tuple(notes.warnings),
    )


def point_of(report: Report, compiled: Compiled) -> Point | None:
    """Where the report is, WGS-84; None = unlocated (no coordinates, unusable ones, or a point listed as default)."""
    return _point(report, compiled)[0]


def _point(report: Report, compiled: Compiled) -> tuple[Point | None, str]:
    location = report.location
    if location is None:
        return None, ""
    if compiled.default_points and rounded((location.lat, location.lon)) in compiled.default_points:
        return None, "default-point"
    return to_wgs84(location)


def _located(report: Report, compiled: Compiled, notes: _Notes) -> Point | None:
    point, wrong = _point(report, compiled)
    if wrong:
        notes.warn(wrong)
    if point is None:
        notes.warn("unlocated")
    return point


def _reported_at(report: Report, compiled: Compiled, received_at: datetime, notes: _Notes) -> tuple[datetime, datetime]:
    """When it was reported, UTC and local. Too far from the receipt = the receipt, unless the source is trusted."""
    if report.reported_at is not None:
        at, local = _instant(report.reported_at, compiled)
        if at is not None and (report.source in compiled.trusted or -_BACK <= at - received_at <= _AHEAD):
            return at, local
        notes.warn("reported-at-out-of-range")
    return received_at.astimezone(UTC), received_at.astimezone(compiled.zone)


def _instant(given: datetime, compiled: Compiled) -> tuple[datetime | None, datetime]:
    """UTC and local; a time without a zone is local. (None, …) within a day of what Python can name."""
    try:
        at = (given if given.tzinfo else given.replace(tzinfo=compiled.zone)).astimezone(UTC)
        return at, at.astimezone(compiled.zone)
    except (OverflowError, ValueError):
        return None, given


def _category(report: Report, compiled: Compiled, reading: Reading, notes: _Notes) -> str | None:
    given = report.category
    if not given:
        if reading.category is not None:
            notes.why.append(Why("category", "keyword", reading.because))
        return reading.category
    if given in compiled.categories:
        notes.why.append(_GIVEN)
        return given
    shown = _shown(given)
    notes.why.append(Why("category", "unknown", shown))
    notes.warn("unknown-category", shown)
    return None


def _area(report: Report, compiled: Compiled, point: Point | None, notes: _Notes) -> str | None:
    given = report.area.strip() if report.area else None
    if given:
        if len(given) <= _LONGEST_WORD and compiled.areas.node_of(given) is not None:
            notes.why.append(_AREA_GIVEN)
            return given
        notes.warn("unknown-area", _shown(given))
    found = compiled.areas.at(point) if point is not None else None
    if found is not None:
        notes.why.append(_AREA_BY_POINT)
    return found


def _shown(given: str) -> str:
    """What a source gave in place of a code, fit for the journal: cut short, long numbers (phones, ids) struck out."""
    return _LONG_NUMBER.sub("…", given[:64].strip())


def _short(name: str, value: T, notes: _Notes) -> T | None:
    if isinstance(value, str) and len(value) > _LONGEST_WORD:
        notes.warn("too-long", name)
        return None
    return value


def _attributes(report: Report, compiled: Compiled, notes: _Notes) -> dict[str, Scalar]:
    """Only those that some rule names, so that nothing personal slips through."""
    kept: dict[str, Scalar] = {}
    for name in compiled.attributes:
        if name not in report.attributes:
            continue
        value = report.attributes[name]
        if isinstance(value, str) and len(value) > _LONGEST_WORD:
            notes.warn("too-long", name)
        else:
            kept[name] = value
    return kept
