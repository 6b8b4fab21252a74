"""What perceive makes of a report, and what it sets aside."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from routing_rules import Compiled, perceive, point_of
from schemas.facts import Facts
from schemas.reports import Location, Report
from tests.unit.routing_rules.pack_texts import compiled

NOON = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)  # 12:22 in Qinggang, a Sunday
LANE = "- {id: a, when: {attributes: {lane: 2}}, send: {to: roads}}\n"


def seen(text: str | None = None, pack: Compiled | None = None, **given: object) -> Facts:
    fields = {"source": "110", "source_id": "1", "text": text, **given}
    return perceive(Report(**fields), pack or compiled(LANE), NOON)  # type: ignore[arg-type]


def whys(facts: Facts) -> list[tuple[str, str, str]]:
    return [(why.subject, why.by, why.detail) for why in facts.why]


def test_a_category_given_is_taken_and_the_text_only_adds_hits() -> None:
    facts = seen("路灯坏了,有人受伤", category="road/hole")
    assert (facts.category, facts.keywords, facts.flags) == ("road/hole", ("lamp", "hurt"), ("injured",))
    assert whys(facts) == [("category", "given", "")]


def test_without_a_category_the_longest_word_decides_and_is_named() -> None:
    facts = seen("门前的路灯又坏了")
    assert facts.category == "lighting/streetlight"
    assert whys(facts) == [("category", "keyword", "路灯…坏")]


def test_an_unknown_category_is_never_guessed_from_the_text() -> None:
    facts = seen("路灯坏了", category="lamps 13912345678 张")
    assert facts.category is None
    assert whys(facts) == [("category", "unknown", "lamps … 张")]
    assert "unknown-category: lamps … 张" in facts.warnings


def test_a_guard_keeps_an_entry_from_counting() -> None:
    assert seen("车掉沟里,没有受伤").flags == ()


def test_full_width_letters_and_capitals_are_read_like_others() -> None:
    pack = compiled(LANE, base=_with_word("wifi坏"))
    assert seen("WiFi坏了", pack).category == "road/hole"


def _with_word(word: str) -> str:
    from tests.unit.routing_rules.pack_texts import BASE  # noqa: PLC0415 - beside its only use

    return BASE + f"- {{id: word, any: [{word}], category: road/hole}}\n"


@pytest.mark.parametrize("text", ["", None, "啊" * 200_000, "\ud800坏", "路" * 50_000 + "号"])
def test_any_text_is_taken(text: str | None) -> None:
    assert seen(text).source == "110"


@pytest.mark.parametrize(
    ("location", "cell", "warnings"),
    [
        (Location(lat=46.69, lon=126.10), "4669:12610", ()),
        (Location(lat=-33.8689, lon=151.2), "-3387:15120", ()),
        (Location(lat=90.0, lon=180.0), "9000:18000", ()),
        (Location(lat=90.1, lon=0.0), None, ("coordinates-out-of-range", "unlocated")),
        (Location(lat=float("nan"), lon=0.0), None, ("coordinates-out-of-range", "unlocated")),
        (Location(lat=46.69, lon=126.10, crs="Beijing 1954"), None, ("unknown-crs", "unlocated")),
        (Location(lat=46.0, lon=126.0), None, ("default-point", "unlocated")),
        (None, None, ("unlocated",)),
    ],
)
def test_cells(location: Location | None, cell: str | None, warnings: tuple[str, ...]) -> None:
    facts = seen("x", location=location)
    assert (facts.cell, facts.warnings) == (cell, warnings)


def test_gcj02_is_brought_home() -> None:
    """Tiananmen, where the two systems are half a kilometre apart."""
    report = Report(source="a", source_id="1", text="x", location=Location(lat=39.908692, lon=116.397477, crs="gcj02"))
    point = point_of(report, compiled())
    assert point is not None
    assert point == pytest.approx((39.907289, 116.391235), abs=2e-5)


def test_area_given_else_by_coordinates() -> None:
    inside = Location(lat=46.69, lon=126.10)
    assert seen("x", area="231223100200", location=inside).area == "231223100200"
    assert seen("x", location=inside).area == "231223100"
    assert seen("x", location=Location(lat=46.3, lon=125.5)).area == "231223"
    assert seen("x", location=Location(lat=40.0, lon=125.5)).area is None
    strange = seen("x", area="999", location=inside)
    assert (strange.area, strange.warnings) == ("231223100", ("unknown-area: 999",))
    assert seen("x", area="231223张三").area is None


BEIJING = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("given", "source", "taken", "warned"),
    [
        (None, "110", NOON, False),
        (datetime(2025, 1, 12, 12, 0), "110", datetime(2025, 1, 12, 4, 0, tzinfo=UTC), False),  # noqa: DTZ001
        (datetime(2025, 1, 12, 12, 0, tzinfo=BEIJING), "110", datetime(2025, 1, 12, 4, 0, tzinfo=UTC), False),
        (NOON + timedelta(hours=24), "110", NOON + timedelta(hours=24), False),
        (NOON + timedelta(hours=25), "110", NOON, True),
        (datetime(2014, 1, 1, tzinfo=UTC), "110", NOON, True),
        (datetime(2014, 1, 1, tzinfo=UTC), "tester", datetime(2014, 1, 1, tzinfo=UTC), False),
        (datetime(1, 1, 1, tzinfo=BEIJING), "tester", NOON, True),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "tester", NOON, True),
    ],
)
def test_when_it_was_reported(given: datetime | None, source: str, taken: datetime, *, warned: bool) -> None:
    facts = seen("x", source=source, reported_at=given)
    assert facts.reported_at == taken
    assert facts.reported_at.utcoffset() == timedelta(0)
    assert ("reported-at-out-of-range" in facts.warnings) is warned


@pytest.mark.parametrize(
    ("local", "band"),
    [("05:59", "night"), ("06:00", None), ("16:09", None), ("16:10", "dark"), ("21:59", "dark"), ("22:00", "night")],
)
def test_bands_with_and_without_the_sun(local: str, band: str | None) -> None:
    hour, minute = map(int, local.split(":"))
    facts = seen("x", reported_at=datetime(2025, 1, 12, hour, minute, tzinfo=BEIJING))
    assert (facts.band, facts.weekday) == (band, 6)


def test_only_attributes_that_rules_name_are_kept() -> None:
    facts = seen("x", attributes={"lane": 2, "phone": "13912345678"})
    assert facts.attributes == {"lane": 2}
    long = seen("x", attributes={"lane": "很" * 300}, channel="长" * 300)
    assert (long.attributes, long.channel) == ({}, None)
    assert {"too-long: lane", "too-long: channel"} <= set(long.warnings)


def test_facts_can_be_journalled() -> None:
    facts = seen("泰和街21号路灯坏了", location=Location(lat=46.69, lon=126.10))
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts
