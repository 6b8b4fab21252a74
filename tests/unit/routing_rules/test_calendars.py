from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from routing_rules.calendars import (
    Calendar,
    CalendarDays,
    CalendarError,
    parse_calendar,
    years_without_holidays,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


def working(calendar: Mapping[str, object], *days: str) -> list[bool]:
    known = CalendarDays(parse_calendar(calendar, "calendar"), SHANGHAI)
    return [known.is_working(date.fromisoformat(day).toordinal()) for day in days]


def test_weekdays_alone_know_no_holidays() -> None:
    assert working({"kind": "working-days"}, "2025-01-29", "2025-02-01", "2025-02-02") == [True, False, False]


def test_chinese_holidays_and_the_weekends_worked_for_them() -> None:
    days = ("2025-01-24", "2025-01-26", "2025-01-28", "2025-02-04", "2025-02-05", "2025-02-08", "2025-02-09")
    assert working({"kind": "working-days", "holidays": "CN"}, *days) == [True, True, False, False, True, True, False]


def test_make_up_days_can_be_left_out() -> None:
    calendar = {"kind": "working-days", "holidays": "CN", "make-up-days": False}
    assert working(calendar, "2025-01-26", "2025-02-08") == [False, False]


def test_a_december_weekend_worked_for_new_year_counts() -> None:
    assert working({"kind": "working-days", "holidays": "CN"}, "2011-12-31", "2012-01-02") == [True, False]


def test_massachusetts_has_a_day_of_its_own() -> None:
    assert working({"kind": "working-days", "holidays": "US-MA"}, "2011-04-18", "2011-07-04") == [False, False]
    assert working({"kind": "working-days", "holidays": "US"}, "2011-04-18", "2011-07-04") == [True, False]


def test_overrides_win_over_everything() -> None:
    overrides = {"closed": ["2025-02-08", date(2025, 1, 27)], "open": ["2025-01-29"]}
    calendar = {"kind": "working-days", "holidays": "CN", "overrides": overrides}
    assert working(calendar, "2025-02-08", "2025-01-27", "2025-01-29") == [False, False, True]


def test_opening_hours_of_a_make_up_day_are_those_of_a_weekday() -> None:
    calendar = {"kind": "business-hours", "hours": ["08:30-11:30", "13:30-17:00"], "holidays": "CN"}
    days = CalendarDays(parse_calendar(calendar, "office"), SHANGHAI)
    sunday = days.opening(date(2025, 1, 26).toordinal())
    assert [
        (a.astimezone(SHANGHAI).time().isoformat(), b.astimezone(SHANGHAI).time().isoformat()) for a, b in sunday
    ] == [
        ("08:30:00", "11:30:00"),
        ("13:30:00", "17:00:00"),
    ]
    assert days.opening(date(2025, 1, 28).toordinal()) == ()


def test_hours_that_daylight_saving_skips_are_not_open() -> None:
    nights = parse_calendar({"kind": "business-hours", "days": ["sun"], "hours": "02:00-04:00"}, "nights")
    days = CalendarDays(nights, NEW_YORK)
    ((opens, closes),) = days.opening(date(2025, 3, 9).toordinal())
    assert (closes - opens).total_seconds() == 3600
    assert (opens, closes) == (datetime(2025, 3, 9, 7, tzinfo=UTC), datetime(2025, 3, 9, 8, tzinfo=UTC))


def test_years_that_nobody_has_published_are_named() -> None:
    chinese = parse_calendar({"kind": "working-days", "holidays": "CN"}, "calendar")
    assert years_without_holidays(chinese, range(2024, 2026)) == ()
    assert years_without_holidays(chinese, range(2098, 2100)) == (2098, 2099)
    assert years_without_holidays(chinese, range(1990, 1991)) == (1990,)
    american = parse_calendar({"kind": "working-days", "holidays": "US-MA"}, "calendar")
    assert years_without_holidays(american, range(2011, 2060)) == ()
    assert years_without_holidays(american, range(2300, 2301)) == (2300,)


def test_a_year_that_the_pack_overrides_is_known() -> None:
    calendar = {"kind": "working-days", "holidays": "CN", "overrides": {"closed": ["2098-01-01"]}}
    assert years_without_holidays(parse_calendar(calendar, "calendar"), range(2098, 2100)) == (2099,)
    assert years_without_holidays(parse_calendar({"kind": "always"}, "calendar"), range(2098, 2100)) == ()


def test_a_calendar_survives_the_bundle() -> None:
    value = {
        "kind": "working-days",
        "holidays": "US-MA",
        "start": "clamp",
        "hours": "08:30-17:00",
        "roll": {"at": "17:00", "to": "08:30"},
        "overrides": {"open": ["2011-11-11"]},
    }
    calendar = parse_calendar(value, "calendar")
    assert msgspec.json.decode(msgspec.json.encode(calendar), type=Calendar) == calendar


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        (["working-days"], (), "a mapping"),
        ({}, ("kind",), "`kind` is one of always, business-hours, working-days"),
        ({"kind": "always", "holidays": "CN"}, ("holidays",), "unknown key 'holidays'"),
        ({"kind": "business-hours"}, (), "need `hours`"),
        ({"kind": "business-hours", "hours": "08:30"}, ("hours",), "08:30-17:00"),
        ({"kind": "business-hours", "hours": "17:00-08:30"}, ("hours",), "end after they begin"),
        ({"kind": "business-hours", "hours": ["08:00-12:00", "11:00-13:00"]}, ("hours",), "one after the other"),
        ({"kind": "business-hours", "hours": {"mon": "08:30-25:00"}}, ("hours", "mon"), "time of day"),
        ({"kind": "business-hours", "hours": {"monday": "08:30-17:00"}}, ("hours", "monday"), "none of mon"),
        ({"kind": "business-hours", "hours": {}}, ("hours",), "open on no day"),
        ({"kind": "working-days", "weekdays": []}, ("weekdays",), "a list of mon"),
        ({"kind": "working-days", "start": "later"}, ("start",), "as-is"),
        ({"kind": "working-days", "start": "clamp"}, ("start",), "go together"),
        ({"kind": "working-days", "hours": "08:30-17:00"}, ("start",), "go together"),
        ({"kind": "working-days", "roll": {"at": "17:00"}}, ("roll",), "looks like"),
        ({"kind": "working-days", "roll": {"at": 1700, "to": "08:30"}}, ("roll", "at"), "in quotes"),
        ({"kind": "working-days", "roll": {"at": "08:30", "to": "17:00"}}, ("roll", "to"), "earlier"),
        ({"kind": "working-days", "holidays": "XX"}, ("holidays",), "does not know 'XX'"),
        ({"kind": "working-days", "holidays": "US-XX"}, ("holidays",), "does not know 'US-XX'"),
        ({"kind": "working-days", "make-up-days": "yes"}, ("make-up-days",), "true or false"),
        ({"kind": "working-days", "overrides": ["2025-01-01"]}, ("overrides",), "looks like"),
        ({"kind": "working-days", "overrides": {"open": ["1/2/25"]}}, ("overrides", "open"), "2025-01-27"),
        ({"kind": "working-days", "overrides": {"open": "2025-01-02"}}, ("overrides", "open"), "list of dates"),
        (
            {"kind": "working-days", "overrides": {"open": ["2025-01-02"], "closed": ["2025-01-02"]}},
            ("overrides",),
            "both closed and open",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value: object, path: tuple[str, ...], said: str) -> None:
    with pytest.raises(CalendarError, match=r"^calendar city-days: ") as caught:
        parse_calendar(value, "calendar city-days")
    assert said in str(caught.value)
    assert caught.value.path == path
