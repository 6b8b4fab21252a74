"""What holds for every start: never due before it, never earlier for a later start (where local time allows it)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from routing_rules.calendars import parse_calendar
from routing_rules.clocks import compile_clock, parse_clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
CALENDARS = {
    "plain": parse_calendar({"kind": "working-days"}, "plain"),
    "cn": parse_calendar({"kind": "working-days", "holidays": "CN"}, "cn"),
    "roll": parse_calendar(
        {"kind": "working-days", "start": "next-working-day-same-time", "roll": {"at": "17:00", "to": "08:30"}}, "roll"
    ),
    "clamp": parse_calendar(
        {
            "kind": "working-days",
            "holidays": "CN",
            "start": "clamp",
            "hours": ["08:30-11:30", "13:30-17:00"],
            "roll": {"at": "17:00", "to": "08:30"},
        },
        "clamp",
    ),
    "office": parse_calendar(
        {"kind": "business-hours", "hours": ["08:30-11:30", "13:30-17:00"], "holidays": "CN"}, "office"
    ),
}
SUNSET = {"before": "sunset", "min-lead": "90m", "else": "4h"}
CLOCKS = [
    "20m",
    "36h",
    "1d",
    "45d",
    "1wd cn",
    "10wd plain",
    "3wd roll",
    "2wd clamp",
    "20m office",
    "30h office",
    SUNSET,
]
# A weekend start keeps its clock time and lands beside Monday's, so the others jump back from Sunday night to Monday
# morning; the two dialects with clamped starts and opening hours do not.
MONOTONE = ["20m", "36h", "1d", "45d", "2wd clamp", "20m office", "30h office"]
COMPILED = {
    zone: {repr(clock): compile_clock(parse_clock(clock, "clock"), CALENDARS, zone) for clock in CLOCKS}
    for zone in (SHANGHAI, NEW_YORK)
}
starts = st.integers(978_307_200, 2_208_988_800).map(lambda second: datetime.fromtimestamp(second, UTC))  # 2001..2039
points = st.tuples(st.floats(-89, 89), st.floats(-179, 179)) | st.none()


@given(start=starts, clock=st.sampled_from(CLOCKS), zone=st.sampled_from([SHANGHAI, NEW_YORK]), point=points)
def test_never_due_before_its_start(
    start: datetime, clock: object, zone: ZoneInfo, point: tuple[float, float] | None
) -> None:
    found = COMPILED[zone][repr(clock)](start, point)
    assert found > start
    assert found.utcoffset() == timedelta(0)


@given(start=starts, later=st.timedeltas(timedelta(0), timedelta(days=20)), clock=st.sampled_from(MONOTONE))
def test_a_later_start_is_never_due_earlier(start: datetime, later: timedelta, clock: str) -> None:
    due_at = COMPILED[SHANGHAI][repr(clock)]
    assert due_at(start, None) <= due_at(start + later, None)


@given(start=starts, hours=st.integers(0, 48), minutes=st.integers(1, 600))
def test_business_minutes_add_up(start: datetime, hours: int, minutes: int) -> None:
    """Waiting a, then b, is waiting a + b."""

    def wait(at: datetime, span: str) -> datetime:
        return compile_clock(parse_clock(f"{span} office", "clock"), CALENDARS, SHANGHAI)(at, None)

    first = wait(start, f"{minutes}m")
    whole = wait(start, f"{minutes + 60 * hours}m")
    assert whole == (wait(first, f"{hours}h") if hours else first)


@given(start=starts, count=st.integers(1, 30))
def test_working_days_add_up_and_keep_the_clock_time(start: datetime, count: int) -> None:
    one = compile_clock(parse_clock("1wd cn", "clock"), CALENDARS, SHANGHAI)
    many = compile_clock(parse_clock(f"{count}wd cn", "clock"), CALENDARS, SHANGHAI)
    step = start
    for _ in range(count):
        step = one(step, None)
    assert many(start, None) == step
    assert step.astimezone(SHANGHAI).time() == start.astimezone(SHANGHAI).time()
