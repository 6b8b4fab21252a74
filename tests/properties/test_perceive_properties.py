"""perceive and route take whatever comes; words are found as a plain search finds them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_rules import PackError, Problem, bundle_id, compile_bundle, encode_bundle, load_pack, perceive, route
from routing_rules.coordinates import _shift, cell_of, centre_of, to_wgs84
from routing_rules.parse import parse_pack
from routing_rules.places import place_key
from routing_rules.words import Words, normalise, parts_of
from schemas.facts import Facts, RoutingDecision
from schemas.reports import Location, Report

FOLDER = Path(__file__).parents[2] / "routing_rules" / "packs" / "qinggang"
BUNDLE = load_pack(FOLDER)
COMPILED = compile_bundle(BUNDLE, bundle_id(encode_bundle(BUNDLE)))
RECEIVED = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
SOME = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

pieces = st.sampled_from(
    [
        "路灯",
        "坏",
        "泰和街",
        "21号",
        "与北环路",
        "交叉口",
        "八号楼",
        "盛世嘉园",
        "车",
        "陷",
        "。",
        ",",
        " ",
        "st",
        "12 ",
    ]
)
texts = st.one_of(st.text(max_size=80), st.lists(pieces, max_size=12).map("".join))
times = st.one_of(st.none(), st.datetimes(timezones=st.one_of(st.none(), st.timezones())))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
reports = st.builds(
    Report,
    source=st.sampled_from(["110", "sim-town", "x"]),
    source_id=st.just("1"),
    text=st.one_of(st.none(), texts),
    category=st.one_of(st.none(), st.sampled_from([*COMPILED.categories]), st.text(max_size=20)),
    severity=st.one_of(st.none(), st.integers(), st.text(max_size=8)),
    attributes=st.dictionaries(st.text(max_size=5), scalars, max_size=3),
    area=st.one_of(st.none(), st.sampled_from(["231223", "231223100", "231223100999", "9"]), st.text(max_size=12)),
    location=st.one_of(st.none(), st.builds(Location, lat=st.floats(), lon=st.floats(), crs=st.text(max_size=8))),
    place=st.one_of(st.none(), texts),
    reported_at=times,
)


@SOME
@given(reports)
def test_any_report_is_perceived_and_owned(report: Report) -> None:
    facts = perceive(report, COMPILED, RECEIVED)
    decision = route(facts, COMPILED, RECEIVED)
    assert decision.owner in COMPILED.responders
    assert decision.owner == decision.offers[0]
    assert not set(decision.copies) & set(decision.offers)
    assert facts.category is None or facts.category in COMPILED.categories
    assert (facts.category is not None) or not report.category or decision.reasons[0].startswith("unknown-category")
    assert RECEIVED - timedelta(days=3653) <= facts.reported_at <= RECEIVED + timedelta(days=1)
    assert facts == perceive(report, COMPILED, RECEIVED)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts
    assert msgspec.json.decode(msgspec.json.encode(decision), type=RoutingDecision) == decision


alphabet = st.text(alphabet="路灯坏a1 。!B", max_size=14)
words = st.lists(
    st.text(alphabet="路灯坏a1B…", min_size=1, max_size=4).filter(lambda word: all(parts_of(word))), max_size=6
)


def plainly(word: str, text: str) -> bool:
    """The word as a regular expression of its own."""
    pieces = []
    for part in parts_of(word):
        before = "(?<![a-z0-9])" if re.match("[a-z0-9]", part) else ""
        after = "(?![a-z0-9])" if re.search("[a-z0-9]$", part) else ""
        pieces.append(before + re.escape(part) + after)
    return re.search("[^。!?;\n]*".join(pieces), text) is not None


@SOME
@given(words, alphabet)
def test_words_are_found_as_a_plain_search_finds_them(table: list[str], raw: str) -> None:
    text = normalise(raw)
    assert sorted(Words(table).find(text)) == [number for number, word in enumerate(table) if plainly(word, text)]


@SOME
@given(texts)
def test_a_place_key_is_short_and_stable(raw: str) -> None:
    text = normalise(raw)
    key = place_key(None, text)
    assert key is None or 0 < len(key) <= 80
    assert normalise(text) == text or place_key(None, normalise(text)) == key


@SOME
@given(st.floats(18, 53), st.floats(73.5, 135))
def test_gcj02_comes_home_to_a_tenth_of_a_metre(latitude: float, longitude: float) -> None:
    north, east = _shift(latitude, longitude)
    point, wrong = to_wgs84(Location(lat=latitude + north, lon=longitude + east, crs="GCJ-02"))
    assert wrong == ""
    assert point is not None
    assert abs(point[0] - latitude) < 1e-6
    assert abs(point[1] - longitude) < 1e-6


@SOME
@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_point_lies_in_its_cell(latitude: float, longitude: float) -> None:
    centre = centre_of(cell_of((latitude, longitude)))
    assert abs(centre[0] - latitude) <= 0.00501
    assert abs(centre[1] - longitude) <= 0.00501


SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"))}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([*SOURCES]),
    st.integers(0, 10**6),
    st.integers(0, 30),
    st.sampled_from(
        ["", "{", "]", ": ", "\n", "- ", "x", "*a", "&a ", "!t ", "…", "'", "\x00", "  ", "any", "🚒", "1e9"]
    ),
)
def test_a_mutated_pack_is_a_bundle_or_a_problem_with_a_place(name: str, at: int, cut: int, instead: str) -> None:
    text = SOURCES[name]
    at %= len(text)
    files = {**SOURCES, name: text[:at] + instead + text[at + cut :]}
    problems: tuple[Problem, ...] = ()
    try:
        compile_bundle(parse_pack(files).bundle, "x")
    except PackError as error:
        problems = error.problems
    assert all(problem.file in SOURCES and problem.line > 0 < problem.column for problem in problems)
