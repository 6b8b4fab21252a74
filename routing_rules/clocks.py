"""Clocks of a rule: from a start to the instant after which it is late.

`parse_clock` reads what a pack says, `check_clock` holds it against the pack's calendars, `compile_clock` makes the
fast form that `due_at` uses. Units:

* `20m`, `4h` – elapsed minutes and hours; on a business-hours calendar only its opening hours count;
* `30d` – the same local wall-clock time so many calendar days on (720h is not 30d across daylight saving);
* `2wd city-days` – working days of that calendar: its start rule, so many working days on at the same time, its roll;
* `{before: sunset, min-lead: 90m, else: 4h}` – sunset at the place on the local day of the start if at least
  `min-lead` is left until then, else the plain limit (also where the sun does not set that day).

A local time that daylight saving skips counts as much later as is skipped (02:30 → 03:30); one told twice is the first.
No clock is due before its start. Each is monotone in its start, except where local time itself is not (`d`, `wd` from
or into the hour of a change of the clocks) and where `before` falls to its plain limit.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NoReturn
from zoneinfo import ZoneInfo

from astral import Observer
from astral import sun as astral_sun
from msgspec import Struct

from routing_rules.calendars import ALWAYS, ROUND_THE_CLOCK, Calendar, CalendarDays, CalendarError, Kind, instant

Point = tuple[float, float]
DueAt = Callable[[datetime, Point | None], datetime]
Unit = Literal["m", "h", "d", "wd"]
END_OF_TIME = datetime(9999, 12, 30, tzinfo=UTC)
_LIMITS: dict[str, int] = {"m": 5_270_400, "h": 87_840, "d": 3_660, "wd": 2_620}  # about ten years each
_SECONDS = {"m": 60, "h": 3600}
_TIMED: tuple[Kind, ...] = ("always", "business-hours")
_KINDS: dict[str, tuple[Kind, ...]] = {"m": _TIMED, "h": _TIMED, "d": ("always",), "wd": ("working-days",)}


class Limit(Struct, frozen=True, tag="limit", omit_defaults=True):
    """So many units on a calendar of the pack."""

    count: int
    unit: Unit
    calendar: str = ALWAYS


class Before(Struct, frozen=True, tag="before"):
    """Before the sun does something, if `min_lead_s` is left until then; else the plain limit."""

    event: Literal["sunset", "civil-dusk"]
    min_lead_s: int
    otherwise: Limit


ClockSpec = Limit | Before


def parse_clock(value: object, where: str) -> ClockSpec:
    """Read a clock of a rule; `where` names it in messages. Raises CalendarError (a ValueError) with a key path."""
    if isinstance(value, Mapping):
        return _parse_before(value, where)
    return _parse_limit(value, where)


def _parse_before(value: Mapping[object, object], where: str) -> Before:
    if set(value) != {"before", "min-lead", "else"}:
        _wrong(where, "it takes three keys: {before: sunset, min-lead: 90m, else: 4h}")
    event = value["before"]
    if event not in ("sunset", "civil-dusk"):
        _wrong(where, f"`before` is sunset or civil-dusk, not {event!r}", "before")
    lead = _parse_limit(value["min-lead"], where, "min-lead")
    if lead.unit not in _SECONDS or lead.calendar != ALWAYS:
        _wrong(where, "`min-lead` is in minutes or hours, always", "min-lead")
    return Before(
        event=event,
        min_lead_s=lead.count * _SECONDS[lead.unit],
        otherwise=_parse_limit(value["else"], where, "else"),
    )


def _parse_limit(value: object, where: str, *path: str) -> Limit:
    match = re.fullmatch(r"(\d{1,9})(m|h|d|wd)(?: +([^\s]+))?", value.strip()) if isinstance(value, str) else None
    if match is None:
        _wrong(where, f'a clock looks like "20m always", "4h", "30d" or "2wd city-days", not {value!r}', *path)
    count, unit, calendar = int(match[1]), match[2], match[3]
    if not 1 <= count <= _LIMITS[unit]:
        _wrong(where, f"{count}{unit} is out of range: 1 to {_LIMITS[unit]}{unit}", *path)
    if unit == "wd" and calendar is None:
        _wrong(where, f'working days are those of a calendar: "{count}wd NAME"', *path)
    return Limit(count, unit, calendar or ALWAYS)  # type: ignore[arg-type]  # the pattern's units


def check_clock(spec: ClockSpec, calendars: Mapping[str, Calendar], where: str) -> None:
    """Raise CalendarError when the clock names a calendar that is missing or of a kind its unit cannot use."""
    if isinstance(spec, Before):
        _check_limit(spec.otherwise, calendars, where, "else")
    else:
        _check_limit(spec, calendars, where)


def _check_limit(limit: Limit, calendars: Mapping[str, Calendar], where: str, *path: str) -> None:
    calendar = calendars.get(limit.calendar, ROUND_THE_CLOCK if limit.calendar == ALWAYS else None)
    if calendar is None:
        _wrong(where, f"no calendar {limit.calendar!r} in this pack", *path)
    if calendar.kind not in _KINDS[limit.unit]:
        kinds = " or ".join(_KINDS[limit.unit])
        _wrong(
            where, f"unit {limit.unit!r} needs a calendar of kind {kinds}; {limit.calendar} is {calendar.kind}", *path
        )


def _wrong(where: str, message: str, *path: str | int) -> NoReturn:
    raise CalendarError(f"{where}: {message}", path)


def due_at(
    spec: ClockSpec, start: datetime, calendars: Mapping[str, Calendar], zone: ZoneInfo, point: Point | None
) -> datetime:
    """One answer without keeping anything; the hot path keeps a `compile_clock` for each rule."""
    return compile_clock(spec, calendars, zone)(start, point)


def compile_clock(spec: ClockSpec, calendars: Mapping[str, Calendar], zone: ZoneInfo) -> DueAt:
    """The clock as a function of (aware start, (lat, lon) or None) → UTC instant; safe to share between threads.

    `point` matters for `before` only: None = unknown, then the plain limit holds (callers pass the pack's centre
    instead if they have one). Raises CalendarError when `check_clock` would. A due time past the year 9999 is
    END_OF_TIME.
    """
    check_clock(spec, calendars, "clock")
    if isinstance(spec, Before):
        return _guarded(_before(spec, _limit(spec.otherwise, calendars, zone), zone))
    return _guarded(_limit(spec, calendars, zone))


def _guarded(clock: DueAt) -> DueAt:
    def guarded(start: datetime, point: Point | None) -> datetime:
        try:
            return clock(start, point)
        except (OverflowError, ValueError):  # past the last day that Python can name
            return max(start, END_OF_TIME)

    return guarded


def _limit(limit: Limit, calendars: Mapping[str, Calendar], zone: ZoneInfo) -> DueAt:
    calendar = calendars.get(limit.calendar, ROUND_THE_CLOCK)
    if limit.unit == "wd":
        return _working_days(limit.count, CalendarDays(calendar, zone), zone)
    if limit.unit == "d":
        return _same_time(timedelta(days=limit.count), zone)
    span = timedelta(seconds=limit.count * _SECONDS[limit.unit])
    if calendar.kind == "business-hours":
        return _opening_time(span, CalendarDays(calendar, zone), zone)
    return _elapsed(span)


def _elapsed(span: timedelta) -> DueAt:
    def elapsed(start: datetime, _: Point | None) -> datetime:
        return start.astimezone(UTC) + span

    return elapsed


def _same_time(days: timedelta, zone: ZoneInfo) -> DueAt:
    def same_time(start: datetime, _: Point | None) -> datetime:
        # Arithmetic within one zone is wall-clock arithmetic, and its result has fold 0: the first of two such times.
        return (start.astimezone(zone) + days).astimezone(UTC)

    return same_time


def _opening_time(span: timedelta, days: CalendarDays, zone: ZoneInfo) -> DueAt:
    def opening_time(start: datetime, _: Point | None) -> datetime:
        left = span
        day = start.astimezone(zone).toordinal()
        while True:
            for opens, closes in days.opening(day):
                if closes <= start:
                    continue
                begin = max(opens, start.astimezone(UTC))
                if begin + left <= closes:
                    return begin + left
                left -= closes - begin
            day += 1

    return opening_time


def _working_days(count: int, days: CalendarDays, zone: ZoneInfo) -> DueAt:
    """Start rule, `count` working days on at the same local time, roll rule."""
    roll = days.calendar.roll
    clamp = days.calendar.start == "clamp"
    move = days.calendar.start == "next-working-day-same-time"
    known: dict[int, tuple[timedelta, datetime | None]] = {}

    def target_of(day: int) -> tuple[timedelta, datetime | None]:
        """(days to add, where a time rolls to) for a start on this day."""
        target = days.next_working(day) if move else day
        for _ in range(count):
            target = days.next_working(target + 1)
        rolled = instant(days.next_working(target + 1), roll.to, zone) if roll else None
        if len(known) > 20_000:
            known.clear()
        known[day] = timedelta(days=target - day), rolled
        return known[day]

    def working_days(start: datetime, _: Point | None) -> datetime:
        local = (_clamped(start, days, zone) if clamp else start).astimezone(zone)
        day = local.toordinal()
        shift, rolled = known.get(day) or target_of(day)
        if roll and rolled and local.hour * 60 + local.minute >= roll.at:
            return rolled
        return (local + shift).astimezone(UTC)

    return working_days


def _clamped(start: datetime, days: CalendarDays, zone: ZoneInfo) -> datetime:
    """The start itself within opening hours, else the next opening (at closing time it is closed)."""
    day = start.astimezone(zone).toordinal()
    while True:
        for opens, closes in days.opening(day):
            if start < closes:
                return max(opens, start)
        day += 1


def _before(spec: Before, otherwise: DueAt, zone: ZoneInfo) -> DueAt:
    lead = timedelta(seconds=spec.min_lead_s)
    known: dict[tuple[int, Point], datetime | None] = {}

    def before(start: datetime, point: Point | None) -> datetime:
        if point is None:
            return otherwise(start, None)
        day = start.astimezone(zone).toordinal()
        key = (day, point)
        if key not in known:
            if len(known) > 20_000:
                known.clear()
            known[key] = sun_event(spec.event, date.fromordinal(day), point, zone)
        at = known[key]
        return at if at is not None and start + lead <= at else otherwise(start, None)

    return before


def sun_event(event: Literal["sunset", "civil-dusk"], day: date, point: Point, zone: ZoneInfo) -> datetime | None:
    """UTC instant, cut to the minute, on this local day; None where the sun does not do that (polar day and night)."""
    observer = Observer(*point)
    try:
        if event == "sunset":
            at = astral_sun.sunset(observer, day, tzinfo=zone)
        else:
            at = astral_sun.dusk(observer, day, tzinfo=zone)
    except ValueError:
        return None
    return at.replace(second=0, microsecond=0).astimezone(UTC)
