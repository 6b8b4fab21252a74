"""Who gets it: by specificity, never by the order of rows."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from routing_rules import Compiled, explain, route, words
from routing_rules.conditions import Condition
from routing_rules.regions import OneOf
from schemas.facts import Facts, GroupBy, Why
from tests.unit.routing_rules.pack_texts import compiled

NOW = datetime(2025, 1, 12, 4, 30, tzinfo=UTC)
AT = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
LAMP = Facts(source="110", reported_at=AT, category="lighting/streetlight", area="231223100", cell="4669:12610")
HOLE = replace(LAMP, category="road/hole")


def test_the_more_specific_rule_wins_whatever_the_order() -> None:
    rules = [
        "- {id: wide, when: {category: lighting/*}, send: {to: roads}}\n",
        "- {id: exact, when: {category: lighting/streetlight}, send: {to: lamps}}\n",
        "- {id: town, when: {category: lighting/streetlight, area: 231223100}, send: {to: police}}\n",
    ]
    for ordered in (rules, rules[::-1]):
        pack = compiled("".join(ordered))
        assert route(LAMP, pack, NOW).rule == "town"
        assert route(replace(LAMP, area="231223"), pack, NOW).rule == "exact"
        assert route(replace(LAMP, category="lighting/sign"), pack, NOW).rule == "wide"


def test_a_code_below_a_declared_area_belongs_to_it() -> None:
    pack = compiled("- {id: town, when: {area: 231223100}, send: {to: police}}\n")
    assert route(replace(LAMP, area="231223100200"), pack, NOW).owner == "police"
    assert route(replace(LAMP, area="231223101"), pack, NOW).owner == "desk"


def test_copies_and_tags_come_from_all_matches_without_those_offered() -> None:
    pack = compiled(
        "- {id: all-of-it, when: {area: 231223}, send: {to: police, mode: copy, copy: [desk, lamps]}, tags: [seen]}\n"
        "- {id: lamp, when: {category: lighting/*}, send: {to: lamps, copy: [roads]}, tags: [lamp]}\n"
    )
    decision = route(LAMP, pack, NOW)
    assert (decision.owner, set(decision.copies)) == ("lamps", {"roads", "police", "desk"})
    assert set(decision.tags) == {"seen", "lamp"}
    nowhere = route(replace(LAMP, area=None), pack, NOW)
    assert (nowhere.copies, nowhere.tags) == (("roads",), ("lamp",))


def test_overrides_settle_what_specificity_leaves_open() -> None:
    by_area = "- {id: by-area, when: {area: 231223}, send: {to: police}}\n"
    by_kind = "- {id: by-kind, when: {category: road/hole}, send: {to: roads}, overrides: [by-area]}\n"
    assert route(HOLE, compiled(by_area + by_kind), NOW).rule == "by-kind"
    turned = compiled(
        by_area.replace("}\n", ", overrides: [by-kind]}\n") + by_kind.replace(", overrides: [by-area]", "")
    )
    assert route(HOLE, turned, NOW).rule == "by-area"


@pytest.mark.parametrize(
    ("when", "change", "holds"),
    [
        ("source: [110, app]", {"source": "app"}, True),
        ("source: [110, app]", {"source": "web"}, False),
        ("channel: phone", {"channel": "phone"}, True),
        ("channel: phone", {}, False),
        ("severity: 3", {"severity": 3}, True),
        ("severity: [high, 3]", {"severity": "high"}, True),
        ("severity: 3", {"severity": "3"}, False),
        ("severity: {at-least: 3}", {"severity": 3}, True),
        ("severity: {above: 3}", {"severity": 3}, False),
        ("severity: {above: 3, below: 5}", {"severity": 4}, True),
        ("severity: {at-most: 5}", {"severity": "4"}, False),
        ("severity: {at-most: 5}", {}, False),
        ("flag: injured", {"flags": ("injured", "old")}, True),
        ("flag: injured", {"flags": ("old",)}, False),
        ("keywords: [lamp, hurt]", {"keywords": ("hurt", "lamp")}, True),
        ("keywords: [lamp, hurt]", {"keywords": ("lamp",)}, False),
        ("attributes: {lane: 1}", {"attributes": {"lane": 1}}, True),
        ("attributes: {lane: 1}", {"attributes": {"lane": 1.0}}, True),
        ("attributes: {lane: 1}", {"attributes": {"lane": True}}, False),
        ("attributes: {lane: true}", {"attributes": {"lane": True}}, True),
        ("attributes: {lane: true}", {"attributes": {"lane": 1}}, False),
        ("attributes: {lane: '1'}", {"attributes": {"lane": 1}}, False),
        ("attributes: {lane: [1, a]}", {"attributes": {"lane": "a"}}, True),
        ("attributes: {lane: 1, dir: n}", {"attributes": {"lane": 1}}, False),
        ("band: night", {"band": "night"}, True),
        ("band: night", {"band": None}, False),
        ("weekday: [sat, sun]", {"weekday": 6}, True),
        ("weekday: mon", {"weekday": 6}, False),
    ],
)
def test_conditions(when: str, change: dict[str, object], *, holds: bool) -> None:
    pack = compiled(f"- {{id: it, when: {{{when}}}, send: {{to: police}}}}\n")
    assert (route(replace(LAMP, **change), pack, NOW).rule == "it") is holds


def test_clocks_start_where_they_should_and_a_rule_may_name_none() -> None:
    pack = compiled(
        "- {id: lamp, when: {category: lighting/*}, send: {to: lamps}, priority: P1, group: {within: 2km, for: 6h},"
        " clock: {claim: 20m always, fix: {before: sunset, min-lead: 90m, else: 4h}}}\n"
        "- {id: hole, when: {category: road/hole}, send: {to: roads}}\n"
    )
    decision = route(LAMP, pack, NOW)
    assert decision.claim_due_at == NOW + timedelta(minutes=20)
    assert decision.resolution_due_at == datetime(2025, 1, 12, 8, 10, tzinfo=UTC)
    assert (decision.priority, decision.group) == ("P1", GroupBy(2_000.0, 21_600.0))
    hole = route(HOLE, pack, NOW)
    assert (hole.claim_due_at, hole.resolution_due_at, hole.group, hole.priority) == (None, None, None, "P3")
    unlocated = route(replace(LAMP, cell=None), pack, NOW)  # the pack's centre has the same sunset
    assert unlocated.resolution_due_at == decision.resolution_due_at


def test_what_falls_to_the_desk_says_why() -> None:
    pack = compiled()
    assert route(HOLE, pack, NOW).reasons == ("no-rule: road/hole",)
    nothing = replace(HOLE, category=None)
    assert route(nothing, pack, NOW).reasons == ("no-category",)
    unknown = replace(nothing, why=(Why("category", "unknown", "x/y"),))
    assert route(unknown, pack, NOW).reasons == ("unknown-category: x/y",)
    assert route(unknown, pack, NOW).owner == "desk"


def _with_a_fault(pack: Compiled, rule: str) -> Compiled:
    """The same bundle with a condition of this rule that raises: what no parser lets through."""

    def fails(_: Facts) -> bool:
        raise ZeroDivisionError

    condition = Condition("band", OneOf(frozenset(("x",))), fails, fails)
    pack.plans = tuple(
        dataclasses.replace(plan, conditions=(condition,), test=fails) if plan.rule.id == rule else plan
        for plan in pack.plans
    )
    pack._by_category, pack._of_any_category = pack._index()
    return pack


def test_a_rule_that_errs_is_no_match_and_is_named() -> None:
    pack = _with_a_fault(compiled("- {id: hole, when: {category: road/hole}, send: {to: roads}}\n"), "hole")
    decision = route(HOLE, pack, NOW)
    assert (decision.owner, decision.reasons) == ("desk", ("no-rule: road/hole", "rule-error: hole: ZeroDivisionError"))
    found = next(each for each in explain(HOLE, pack, NOW).considered if each.rule == "hole")
    assert (found.verdict, found.because) == ("error", "rule-error: hole: ZeroDivisionError")


def test_an_explanation_says_why_each_lost() -> None:
    pack = compiled(
        "- {id: night, when: {category: road/hole, band: night}, send: {to: police}}\n"
        "- {id: hole, when: {category: road/hole}, send: {to: roads}}\n"
        "- {id: kinds, when: {category: [road/hole, lighting/sign]}, send: {to: lamps}}\n"
        "- {id: note, when: {area: 231223}, tags: [x]}\n"
        "- {id: lamp, when: {category: lighting/streetlight}, send: {to: lamps}}\n"
    )
    told = explain(HOLE, pack, NOW)
    verdicts = {each.rule: (each.verdict, each.because) for each in told.considered}
    assert verdicts == {
        "night": ("no-match", ""),
        "hole": ("won", ""),
        "kinds": ("not-reached", ""),
        "note": ("adds", ""),
        "default": ("not-reached", ""),
    }
    assert told.elsewhere == 1
    missed = next(each for each in told.considered if each.rule == "night").missed[0]
    assert (missed.fact, missed.needs, missed.has) == ("band", "night", "")
    english, chinese = words(told, pack, "en"), words(told, pack, "zh")
    assert "Rule hole decides, because category road/hole." in english
    assert "Rule night does not match: band is unknown, it needs night." in english
    assert "规则 night 不符合:band 是 未知,需要 night。" in chinese
    assert len(english) == len(chinese)


def test_an_explanation_names_the_rule_that_is_narrower() -> None:
    pack = compiled(
        "- {id: app, when: {category: road/hole, source: '110'}, send: {to: police}}\n"
        "- {id: hole, when: {category: road/hole, source: ['110', app]}, send: {to: roads}}\n"
    )
    told = explain(HOLE, pack, NOW)
    assert "Rule hole matches too, but app is more specific." in words(told, pack)
