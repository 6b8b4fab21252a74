from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from routing_rules.calendars import Calendar, CalendarError, parse_calendar
from routing_rules.clocks import END_OF_TIME, ClockSpec, check_clock, due_at, parse_clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
QINGGANG = (46.69, 126.10)
SVALBARD = (78.22, 15.65)

CALENDARS: dict[str, Calendar] = {
    name: parse_calendar(value, name)
    for name, value in {
        "round": {"kind": "always"},
        "cn": {"kind": "working-days", "holidays": "CN"},
        "office": {"kind": "business-hours", "hours": ["08:30-11:30", "13:30-17:00"], "holidays": "CN"},
        "boston-2011": {
            "kind": "working-days",
            "start": "next-working-day-same-time",
            "roll": {"at": "17:00", "to": "08:30"},
        },
        "boston-later": {
            "kind": "working-days",
            "holidays": "US-MA",
            "start": "clamp",
            "hours": "08:30-17:00",
            "roll": {"at": "17:00", "to": "08:30"},
        },
    }.items()
}


def due(clock: object, start: str, zone: ZoneInfo = SHANGHAI, point: tuple[float, float] | None = None) -> str:
    """Local due time of a clock started at a local time."""
    at = datetime.fromisoformat(start)
    found = due_at(parse_clock(clock, "rule"), at if at.tzinfo else at.replace(tzinfo=zone), CALENDARS, zone, point)
    assert found.tzinfo is UTC
    return found.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("20m always", "2025-01-12 23:50:30", "2025-01-13 00:10:30"),
        ("20m", "2024-12-31 23:50", "2025-01-01 00:10:00"),
        ("4h round", "2025-01-25 22:00", "2025-01-26 02:00:00"),
        ("1d", "2024-02-28 10:00", "2024-02-29 10:00:00"),
        ("1d", "2024-02-29 10:00", "2024-03-01 10:00:00"),
        ("1d", "2023-02-28 10:00", "2023-03-01 10:00:00"),
        ("365d", "2024-02-29 00:00", "2025-02-28 00:00:00"),
        ("1d", "2024-12-31 23:59:59", "2025-01-01 23:59:59"),
    ],
)
def test_elapsed_time_and_calendar_days(clock: str, start: str, end: str) -> None:
    assert due(clock, start) == end


def test_thirty_days_are_not_720_hours_when_daylight_saving_ends() -> None:
    assert due("30d", "2011-10-20 09:00", NEW_YORK) == "2011-11-19 09:00:00"
    assert due("720h", "2011-10-20 09:00", NEW_YORK) == "2011-11-19 08:00:00"


def test_nor_when_it_begins() -> None:
    assert due("1d", "2025-03-08 12:00", NEW_YORK) == "2025-03-09 12:00:00"
    assert due("24h", "2025-03-08 12:00", NEW_YORK) == "2025-03-09 13:00:00"


def test_a_skipped_local_time_counts_as_much_later() -> None:
    assert due("1d", "2025-03-08 02:30", NEW_YORK) == "2025-03-09 03:30:00"


def test_a_local_time_told_twice_is_the_first_of_the_two() -> None:
    start = datetime(2025, 11, 1, 1, 30, tzinfo=NEW_YORK)
    assert due_at(parse_clock("1d", ""), start, {}, NEW_YORK, None) == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
    second = datetime(2025, 11, 2, 1, 30, tzinfo=NEW_YORK, fold=1)
    assert due_at(parse_clock("1d", ""), second, {}, NEW_YORK, None) == datetime(2025, 11, 3, 6, 30, tzinfo=UTC)


def test_elapsed_time_counts_through_the_hour_told_twice() -> None:
    start = datetime(2025, 11, 2, 1, 50, tzinfo=NEW_YORK)
    assert due_at(parse_clock("20m", ""), start, {}, NEW_YORK, None) - start.astimezone(UTC) == timedelta(minutes=20)


def test_start_may_come_in_any_zone() -> None:
    assert due("1d", "2025-01-12T12:00:00+00:00") == "2025-01-13 20:00:00"


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("3wd cn", "2025-01-24 17:00", "2025-02-05 17:00:00"),  # Sunday the 26th is worked, Spring Festival is not
        ("1wd cn", "2025-01-25 10:00", "2025-01-26 10:00:00"),
        ("1wd cn", "2025-02-07 10:00", "2025-02-08 10:00:00"),
        ("2wd cn", "2025-02-07 10:00", "2025-02-10 10:00:00"),
        ("1wd cn", "2024-12-31 23:59", "2025-01-02 23:59:00"),
        ("1wd cn", "2024-02-29 08:00", "2024-03-01 08:00:00"),
        ("1wd cn", "2025-04-03 00:00", "2025-04-07 00:00:00"),
    ],
)
def test_chinese_working_days(clock: str, start: str, end: str) -> None:
    assert due(clock, start) == end


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("2wd boston-2011", "2011-07-07 10:15:30", "2011-07-11 10:15:30"),
        ("2wd boston-2011", "2011-07-09 10:15:30", "2011-07-13 10:15:30"),  # Saturday moves to Monday, same time
        ("1wd boston-2011", "2011-07-05 16:59:59", "2011-07-06 16:59:59"),
        ("1wd boston-2011", "2011-07-05 17:00:00", "2011-07-07 08:30:00"),
        ("2wd boston-2011", "2011-07-06 20:00", "2011-07-11 08:30:00"),  # due on Friday evening rolls over the weekend
        ("1wd boston-2011", "2011-07-01 10:00", "2011-07-04 10:00:00"),  # holidays are worked in this calendar
        ("1wd boston-2011", "2011-11-04 10:00", "2011-11-07 10:00:00"),  # over the end of daylight saving
        ("1wd boston-later", "2011-07-01 10:00", "2011-07-05 10:00:00"),  # and are not in this one
        ("1wd boston-later", "2011-07-05 05:00", "2011-07-06 08:30:00"),
        ("1wd boston-later", "2011-07-05 17:00", "2011-07-07 08:30:00"),
        ("1wd boston-later", "2011-07-02 12:00", "2011-07-06 08:30:00"),
    ],
)
def test_start_and_roll_rules_of_two_dialects(clock: str, start: str, end: str) -> None:
    assert due(clock, start, NEW_YORK) == end


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        ("20m office", "2025-02-05 09:00", "2025-02-05 09:20:00"),
        ("20m office", "2025-02-05 11:20", "2025-02-05 13:40:00"),  # over the noon break
        ("20m office", "2025-02-05 11:10", "2025-02-05 11:30:00"),  # used up exactly at closing
        ("20m office", "2025-02-05 12:00", "2025-02-05 13:50:00"),
        ("20m office", "2025-02-05 16:50", "2025-02-06 08:40:00"),
        ("20m office", "2025-02-05 03:00", "2025-02-05 08:50:00"),
        ("20m office", "2025-01-27 16:50", "2025-02-05 08:40:00"),  # over the Spring Festival
        ("20m office", "2025-01-25 09:00", "2025-01-26 08:50:00"),  # into the worked Sunday
        ("13h office", "2025-02-06 08:30", "2025-02-07 17:00:00"),
    ],
)
def test_business_minutes_count_only_while_open(clock: str, start: str, end: str) -> None:
    assert due(clock, start) == end


BEFORE_SUNSET = {"before": "sunset", "min-lead": "90m", "else": "4h"}


def test_before_sunset_in_qinggang() -> None:
    assert due(BEFORE_SUNSET, "2025-01-12 12:22", point=QINGGANG) == "2025-01-12 16:10:00"
    assert due(BEFORE_SUNSET, "2025-01-12 16:41", point=QINGGANG) == "2025-01-12 20:41:00"


def test_the_least_lead_is_enough_to_the_minute() -> None:
    assert due(BEFORE_SUNSET, "2025-01-12 14:40", point=QINGGANG) == "2025-01-12 16:10:00"
    assert due(BEFORE_SUNSET, "2025-01-12 14:40:01", point=QINGGANG) == "2025-01-12 18:40:01"


def test_civil_dusk_is_later() -> None:
    clock = {"before": "civil-dusk", "min-lead": "90m", "else": "4h"}
    assert due(clock, "2025-01-12 14:41", point=QINGGANG) == "2025-01-12 16:45:00"


def test_sunset_is_that_of_the_local_day() -> None:
    assert due(BEFORE_SUNSET, "2025-01-12 00:05", point=QINGGANG) == "2025-01-12 16:10:00"
    assert due(BEFORE_SUNSET, "2025-07-01 19:00", NEW_YORK, (42.36, -71.06)) == "2025-07-01 23:00:00"
    assert due(BEFORE_SUNSET, "2025-07-01 12:00", NEW_YORK, (42.36, -71.06)).startswith("2025-07-01 20:2")


def test_without_a_sunset_or_a_place_the_plain_limit_holds() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    assert due(BEFORE_SUNSET, "2025-06-21 10:00", oslo, SVALBARD) == "2025-06-21 14:00:00"
    assert due(BEFORE_SUNSET, "2025-12-21 10:00", oslo, SVALBARD) == "2025-12-21 14:00:00"
    assert due(BEFORE_SUNSET, "2025-01-12 12:22") == "2025-01-12 16:22:00"


def test_the_plain_limit_may_be_of_any_kind() -> None:
    clock = {"before": "sunset", "min-lead": "1h", "else": "1wd cn"}
    assert due(clock, "2025-01-24 20:00", point=QINGGANG) == "2025-01-26 20:00:00"


@pytest.mark.parametrize("clock", ["20m", "10d", "3wd cn", "3wd boston-later", "20m office"])
def test_the_end_of_time_is_no_error(clock: str) -> None:
    start = datetime(9999, 12, 29, 12, tzinfo=UTC)
    found = due_at(parse_clock(clock, ""), start, CALENDARS, SHANGHAI, None)
    assert start < found < END_OF_TIME + timedelta(days=1)
    last = datetime.max.replace(tzinfo=UTC)
    assert due_at(parse_clock(clock, ""), last, CALENDARS, SHANGHAI, None) >= last
    first = datetime.min.replace(tzinfo=UTC)
    assert due_at(parse_clock(clock, ""), first, CALENDARS, NEW_YORK, None) >= first


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ("20 minutes", (), "looks like"),
        ("", (), "looks like"),
        (20, (), "looks like"),
        (None, (), "looks like"),
        ("20m two words", (), "looks like"),
        ("-4h", (), "looks like"),
        ("0h", (), "out of range"),
        ("99999999h", (), "out of range"),
        ("3wd", (), "of a calendar"),
        ({"before": "sunset"}, (), "three keys"),
        ({"before": "noon", "min-lead": "1h", "else": "1h"}, ("before",), "sunset or civil-dusk"),
        ({"before": "sunset", "min-lead": "1d", "else": "1h"}, ("min-lead",), "minutes or hours"),
        ({"before": "sunset", "min-lead": "1h", "else": "soon"}, ("else",), "looks like"),
    ],
)
def test_a_clock_that_cannot_be_read(value: object, path: tuple[str, ...], said: str) -> None:
    with pytest.raises(CalendarError, match=r"^rule streetlight: ") as caught:
        parse_clock(value, "rule streetlight")
    assert said in str(caught.value)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ("2wd nowhere", "no calendar 'nowhere'"),
        ("2wd always", "kind working-days"),
        ("2wd office", "kind working-days"),
        ("2h cn", "kind always or business-hours"),
        ("2d cn", "kind always"),
        ({"before": "sunset", "min-lead": "1h", "else": "1wd office"}, "kind working-days"),
    ],
)
def test_a_clock_and_its_calendar_must_fit(clock: object, said: str) -> None:
    with pytest.raises(CalendarError, match=said):
        check_clock(parse_clock(clock, "rule"), CALENDARS, "rule")


@pytest.mark.parametrize("clock", ["20m always", "2wd cn", BEFORE_SUNSET])
def test_a_clock_survives_the_bundle(clock: object) -> None:
    spec = parse_clock(clock, "rule")
    assert msgspec.json.decode(msgspec.json.encode(spec), type=ClockSpec) == spec
