"""Calendars of a pack: which days are worked, and between which hours.

A `Calendar` is plain data and part of the bundle; `days_of` gives it eyes: working days by number (`date.toordinal`)
and opening hours as instants, both remembered. Holidays come from the library `holidays`; a pack corrects them with
`overrides`. Later wins: weekdays, holidays, make-up days (worked weekends, e.g. China's), overrides.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NoReturn
from zoneinfo import ZoneInfo

import holidays as holiday_library
from msgspec import Struct

ALWAYS = "always"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Kind = Literal["always", "business-hours", "working-days"]
StartRule = Literal["as-is", "next-working-day-same-time", "clamp"]
Hours = tuple[tuple[int, int], ...]  # minutes of the local day, [opening, closing)


class Roll(Struct, frozen=True):
    """A due time at or after minute `at` of its day moves to minute `to` of the next working day."""

    at: int
    to: int


class Calendar(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`hours` has one entry for each weekday, Monday first; an empty one is a day off.

    `holidays` is a country or country-subdivision of the library ("CN", "US-MA"); None = holidays are worked.
    """

    kind: Kind
    hours: tuple[Hours, ...] = ()
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    holidays: str | None = None
    make_up_days: bool = True
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()
    start: StartRule = "as-is"
    roll: Roll | None = None


ROUND_THE_CLOCK = Calendar(kind="always")


class CalendarError(ValueError):
    """What is wrong with a value of the pack; `path` = keys and indexes that lead to it from the value given."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


def parse_calendar(value: object, where: str) -> Calendar:
    """Read one entry of the pack's `calendars`; `where` names it in messages. Raises CalendarError."""
    if not isinstance(value, Mapping):
        _wrong(where, f"a calendar is a mapping with a `kind`, not {value!r}")
    kind = value.get("kind")
    allowed = _KEYS.get(kind) if isinstance(kind, str) else None
    if allowed is None:
        _wrong(where, f"`kind` is one of {', '.join(_KEYS)}, not {kind!r}", "kind")
    for key in value:
        if key not in allowed:
            _wrong(where, f"unknown key {key!r} for kind {kind}; known: {', '.join(allowed)}", str(key))
    return _PARSERS[kind](value, where) if kind in _PARSERS else ROUND_THE_CLOCK


def _parse_business_hours(value: Mapping[str, object], where: str) -> Calendar:
    if "hours" not in value:
        _wrong(where, 'business hours need `hours`, e.g. ["08:30-11:30", "13:30-17:00"]')
    weekdays = _parse_weekdays(value.get("days"), where, "days")
    hours = _parse_week(value["hours"], weekdays, where)
    worked = tuple(day for day in range(7) if hours[day])
    if not worked:
        _wrong(where, "`hours` open on no day", "hours")
    closed, opened = _parse_overrides(value.get("overrides"), where)
    return Calendar(
        kind="business-hours",
        hours=hours,
        weekdays=worked,
        holidays=_parse_holidays(value.get("holidays"), where),
        make_up_days=_parse_flag(value.get("make-up-days", True), where, "make-up-days"),
        closed=closed,
        open=opened,
    )


def _parse_working_days(value: Mapping[str, object], where: str) -> Calendar:
    weekdays = _parse_weekdays(value.get("weekdays"), where, "weekdays")
    start = value.get("start", "as-is")
    if start not in ("as-is", "next-working-day-same-time", "clamp"):
        _wrong(where, f"`start` is as-is, next-working-day-same-time or clamp, not {start!r}", "start")
    if (start == "clamp") != ("hours" in value):
        _wrong(where, "`start: clamp` and `hours` (to clamp to) go together", "start")
    closed, opened = _parse_overrides(value.get("overrides"), where)
    return Calendar(
        kind="working-days",
        hours=_parse_week(value["hours"], weekdays, where) if "hours" in value else (),
        weekdays=weekdays,
        holidays=_parse_holidays(value.get("holidays"), where),
        make_up_days=_parse_flag(value.get("make-up-days", True), where, "make-up-days"),
        closed=closed,
        open=opened,
        start=start,
        roll=_parse_roll(value.get("roll"), where),
    )


_PARSERS = {"business-hours": _parse_business_hours, "working-days": _parse_working_days}
_DAY_KEYS = ("kind", "holidays", "make-up-days", "overrides", "hours")
_KEYS: dict[str, tuple[str, ...]] = {
    "always": ("kind",),
    "business-hours": (*_DAY_KEYS, "days"),
    "working-days": (*_DAY_KEYS, "weekdays", "start", "roll"),
}


def _parse_weekdays(value: object, where: str, key: str) -> tuple[int, ...]:
    if value is None:
        return (0, 1, 2, 3, 4)
    if not isinstance(value, list) or not value or any(day not in WEEKDAYS for day in value):
        _wrong(where, f"`{key}` is a list of {', '.join(WEEKDAYS)}, not {value!r}", key)
    return tuple(sorted({WEEKDAYS.index(day) for day in value}))


def _parse_week(value: object, weekdays: tuple[int, ...], where: str) -> tuple[Hours, ...]:
    if isinstance(value, Mapping):
        for day in value:
            if day not in WEEKDAYS:
                _wrong(where, f"`hours` by day: {day!r} is none of {', '.join(WEEKDAYS)}", "hours", str(day))
        return tuple(_parse_hours(value[day], where, "hours", day) if day in value else () for day in WEEKDAYS)
    hours = _parse_hours(value, where, "hours")
    return tuple(hours if day in weekdays else () for day in range(7))


def _parse_hours(value: object, where: str, *path: str) -> Hours:
    """Minutes of "08:30-11:30" or of a list of such, in order and apart."""
    spans = [value] if isinstance(value, str) else value
    if not isinstance(spans, list) or not spans:
        _wrong(where, f'opening hours look like "08:30-17:00" or a list of such, not {value!r}', *path)
    found: list[tuple[int, int]] = []
    for span in spans:
        first, dash, last = span.partition("-") if isinstance(span, str) else ("", "", "")
        if not dash:
            _wrong(where, f'opening hours look like "08:30-17:00", not {span!r}', *path)
        opening, closing = parse_minute(first, where, *path), parse_minute(last, where, *path)
        if closing <= opening or (found and opening < found[-1][1]):
            _wrong(where, f"opening hours must end after they begin, one after the other: {span!r}", *path)
        found.append((opening, closing))
    return tuple(found)


def parse_minute(value: object, where: str, *path: str) -> int:
    """Minute of the day of "HH:MM", 0..1440."""
    match = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", value.strip()) if isinstance(value, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minute <= 1440:
        _wrong(where, f'a time of day looks like "08:30" (in quotes), not {value!r}', *path)
    return minute


def _parse_roll(value: object, where: str) -> Roll | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"at", "to"}:
        _wrong(where, f'`roll` looks like {{at: "17:00", to: "08:30"}}, not {value!r}', "roll")
    roll = Roll(parse_minute(value["at"], where, "roll", "at"), parse_minute(value["to"], where, "roll", "to"))
    if roll.to >= roll.at:
        _wrong(where, "`roll`: `to` must be earlier in the day than `at`", "roll", "to")
    return roll


def _parse_holidays(value: object, where: str) -> str | None:
    if value is None or value == "none":
        return None
    if not isinstance(value, str):
        _wrong(where, f"`holidays` is none or a code such as CN or US-MA, not {value!r}", "holidays")
    country, _, subdivision = value.partition("-")
    known = holiday_library.list_supported_countries(include_aliases=False)
    if country not in known or (subdivision and subdivision not in known[country]):
        _wrong(where, f"the holiday library does not know {value!r} (country, or country-subdivision)", "holidays")
    return value


def _parse_flag(value: object, where: str, key: str) -> bool:
    if not isinstance(value, bool):
        _wrong(where, f"`{key}` is true or false, not {value!r}", key)
    return value


def _parse_overrides(value: object, where: str) -> tuple[tuple[date, ...], tuple[date, ...]]:
    if value is None:
        return (), ()
    if not isinstance(value, Mapping) or not set(value) <= {"closed", "open"}:
        _wrong(where, "`overrides` looks like {closed: [2025-01-27], open: [2025-02-08]}", "overrides")
    closed = _parse_dates(value.get("closed"), where, "closed")
    opened = _parse_dates(value.get("open"), where, "open")
    for day in sorted(set(closed) & set(opened)):
        _wrong(where, f"{day} is both closed and open", "overrides")
    return closed, opened


def _parse_dates(value: object, where: str, key: str) -> tuple[date, ...]:
    if not isinstance(value, list | None):
        _wrong(where, f"`{key}` is a list of dates, not {value!r}", "overrides", key)
    found = set()
    for day in value or ():
        try:
            found.add(date.fromisoformat(day) if isinstance(day, str) else date(day.year, day.month, day.day))
        except (ValueError, AttributeError):
            _wrong(where, f"a date looks like 2025-01-27, not {day!r}", "overrides", key)
    return tuple(sorted(found))


def _wrong(where: str, message: str, *path: str | int) -> NoReturn:
    raise CalendarError(f"{where}: {message}", path)


def years_without_holidays(calendar: Calendar, years: range) -> tuple[int, ...]:
    """Years for which the library has no official data on the calendar's holidays; say so at check and in the log.

    Countries that move working days by decree (China) are known up to the last published year; later ones are only
    estimated, without make-up days. A year that the pack itself overrides is taken as known.
    """
    if calendar.holidays is None:
        return ()
    overridden = {day.year for day in (*calendar.closed, *calendar.open)}
    return tuple(year for year in years if year not in overridden and not _is_official(calendar.holidays, year))


def _is_official(code: str, year: int) -> bool:
    book = _book(code, year)
    if not book or not book.start_year <= year <= book.end_year:
        return False
    decreed = {at for at, entry in book.special_public_holidays.items() if _moves_days(entry)}
    return not decreed or min(decreed) <= year <= max(decreed)


def _moves_days(entry: tuple[object, ...]) -> bool:
    """(month, day, worked month, worked day) or several of these: days off that are paid for with worked weekends."""
    first = entry[0] if isinstance(entry[0], tuple) else entry
    return len(first) >= 4 and all(isinstance(part, int) for part in first)


def _book(code: str, *years: int) -> holiday_library.HolidayBase:
    country, _, subdivision = code.partition("-")
    return holiday_library.country_holidays(country, subdiv=subdivision or None, years=years)


def _holidays_of(calendar: Calendar, year: int) -> tuple[frozenset[int], frozenset[int]]:
    """(days off, worked weekends) of the year as day numbers. January can be paid for in December: two years asked."""
    book = _book(calendar.holidays or "", year, year + 1)
    off = frozenset(day.toordinal() for day in book if day.year == year)
    made_up = book.weekend_workdays if calendar.make_up_days else ()
    return off, frozenset(day.toordinal() for day in made_up if day.year == year)


class CalendarDays:
    """A calendar in its zone. Pure; answers are remembered, shared by threads (dict writes are atomic)."""

    def __init__(self, calendar: Calendar, zone: ZoneInfo) -> None:
        self.calendar = calendar
        self._zone = zone
        self._closed = frozenset(day.toordinal() for day in calendar.closed)
        self._open = frozenset(day.toordinal() for day in calendar.open)
        self._years: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        self._opening: dict[int, tuple[tuple[datetime, datetime], ...]] = {}

    def is_working(self, day: int) -> bool:
        """Whether this day (its `toordinal`) is worked."""
        if day in self._open:
            return True
        if day in self._closed:
            return False
        if self.calendar.holidays is not None:
            off, made_up = self._holidays(date.fromordinal(day).year)
            if day in made_up:
                return True
            if day in off:
                return False
        return (day - 1) % 7 in self.calendar.weekdays

    def next_working(self, day: int) -> int:
        """The first working day at or after this one."""
        while not self.is_working(day):
            day += 1
        return day

    def _holidays(self, year: int) -> tuple[frozenset[int], frozenset[int]]:
        known = self._years.get(year)
        if known is None:
            known = self._years[year] = _holidays_of(self.calendar, year)
        return known

    def opening(self, day: int) -> tuple[tuple[datetime, datetime], ...]:
        """Opening hours of the day as UTC instants, in order; () on a day off.

        A make-up or `open` day keeps the hours of its weekday; if that has none, those of the first weekday that has.
        """
        known = self._opening.get(day)
        if known is None:
            if len(self._opening) > 20_000:
                self._opening.clear()
            known = self._opening[day] = self._compute_opening(day)
        return known

    def _compute_opening(self, day: int) -> tuple[tuple[datetime, datetime], ...]:
        if not self.is_working(day):
            return ()
        week = self.calendar.hours
        hours = week[(day - 1) % 7] or next(filter(None, week))
        spans = ((instant(day, opening, self._zone), instant(day, closing, self._zone)) for opening, closing in hours)
        return tuple(span for span in spans if span[0] < span[1])


def instant(day: int, minute: int, zone: ZoneInfo) -> datetime:
    """UTC instant of a local wall-clock minute.

    A minute that daylight saving skips counts as much later; one told twice is the first (PEP 495, fold 0).
    """
    local = datetime.fromordinal(day) + timedelta(minutes=minute)
    return local.replace(tzinfo=zone).astimezone(UTC)
