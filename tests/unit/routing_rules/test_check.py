"""Contradictions, dead rules and expect cases of whole bundles."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from routing_rules import PackError, bundle_id, check_bundle, check_pack, decode_bundle, encode_bundle, load_pack
from routing_rules.model import Bundle
from routing_rules.parse import parse_pack
from tests.unit.routing_rules.conftest import PACKS
from tests.unit.routing_rules.pack_texts import BASE, DEFAULT, pack

BY_AREA = "- {id: by-area, when: {area: 231223}, send: {to: police}}\n"
BY_KIND = "- {id: by-kind, when: {category: road/hole, severity: {above: 2}}, send: {to: roads}}\n"


def found(rules: str, *, run_cases: bool = False) -> list[tuple[str, str, bool]]:
    bundle = parse_pack(pack(rules)).bundle
    return [(each.rule, each.message, each.is_error) for each in check_bundle(bundle, run_cases=run_cases)]


def test_two_rules_that_contradict_each_other_are_shown_with_a_report() -> None:
    ((rule, message, is_error),) = found(BY_AREA + BY_KIND)
    assert (rule, is_error) == ("by-kind", True)
    assert "overlaps with rule by-area, which offers to police instead of roads" in message
    assert "e.g. a report with category road/hole, severity 3, area 231223" in message


@pytest.mark.parametrize(
    "rules",
    [
        BY_AREA.replace("}\n", ", overrides: [by-kind]}\n") + BY_KIND,
        BY_AREA + BY_KIND.replace("send: {to: roads}", "send: {to: roads}, overrides: [by-area]"),
        BY_AREA + BY_KIND.replace("to: roads", "to: police"),
        BY_AREA + BY_KIND.replace("severity: {above: 2}", "area: 231223100"),
        BY_AREA + BY_KIND + BY_KIND.replace("by-kind", "both").replace("category:", "area: 231223, category:"),
    ],
    ids=["overrides", "overrides the other way", "same owner", "narrower", "a third rule decides"],
)
def test_what_is_settled_is_no_contradiction(rules: str) -> None:
    assert [message for _, message, is_error in found(rules) if is_error] == []


def test_rules_that_cannot_meet_are_no_contradiction() -> None:
    apart = (
        "- {id: a, when: {source: x}, send: {to: roads}}\n"
        "- {id: b, when: {source: y, band: night}, send: {to: lamps}}\n"
    )
    assert found(apart) == []
    ranges = (
        "- {id: a, when: {severity: {at-most: 3}, source: x}, send: {to: roads}}\n"
        "- {id: b, when: {severity: {above: 3}, channel: y}, send: {to: lamps}}\n"
    )
    assert found(ranges) == []


def test_rules_that_override_each_other_or_a_narrower_one_are_refused() -> None:
    circle = BY_AREA.replace("}\n", ", overrides: [by-kind]}\n") + BY_KIND.replace("}\n", ", overrides: [by-area]}\n")
    assert any("cannot override" in message for _, message, _ in found(circle))


def test_rules_that_can_never_win_are_warned_of() -> None:
    twice = (
        "- {id: a, when: {category: road/hole}, send: {to: roads}}\n"
        "- {id: b, when: {category: [road/hole]}, send: {to: roads}}\n"
    )
    assert found(twice) == [("b", "can never win: rule a has the same conditions", False)]


def test_a_case_that_comes_out_otherwise_is_an_error() -> None:
    rule = (
        "- {id: a, when: {category: lighting/*}, send: {to: lamps, copy: [desk]}, clock: {claim: 20m},"
        " expect: [CASE]}\n"
    )
    right = "{text: 路灯坏了, at: '12:00', owner: lamps, copies: desk, finds: lighting/streetlight, claim-due: '12:20'}"
    assert found(rule.replace("CASE", right), run_cases=True) == []
    wrong = "{text: 路灯坏了, flags: injured, owner: roads, mode: race, copies: none, priority: P4, claim-due: '12:21'}"
    ((_, message, is_error),) = found(rule.replace("CASE", wrong), run_cases=True)
    assert is_error
    for part in ("owner is lamps, not roads", "mode is first-claim, not race", "flags not found: injured",
                 "copies is desk, not none", "priority is P2, not P4", "claim-due is 12:20, not 12:21"):  # fmt: skip
        assert part in message
    ((_, message, _),) = found(rule.replace("CASE", "{category: road/hole}"), run_cases=True)
    assert "this rule does not match; rule default wins" in message


def test_problems_of_the_whole_have_the_place_of_their_rule(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(BASE + "rules:\n" + BY_AREA + DEFAULT + BY_KIND, encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load_pack(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/pack.yaml:28:3: rule by-kind: overlaps with rule by-area")


@pytest.mark.parametrize("name", [path.name for path in sorted(PACKS.iterdir()) if path.is_dir()])
def test_the_packs_that_we_ship_are_sound(name: str) -> None:
    bundle, warnings = check_pack(PACKS / name)
    assert warnings == ()
    assert decode_bundle(encode_bundle(bundle)) == bundle


def test_foreign_bytes_that_decode_are_checked_too(qinggang_bundle: Bundle) -> None:
    without_desk = replace(qinggang_bundle, responders=qinggang_bundle.responders[1:])
    assert any("desk" in each.message for each in check_bundle(without_desk))
    without_default = replace(qinggang_bundle, rules=qinggang_bundle.rules[:-1])
    assert any("no default rule" in each.message for each in check_bundle(without_default))
    twice = replace(qinggang_bundle, rules=(*qinggang_bundle.rules, qinggang_bundle.rules[0]))
    assert any("streetlight stands there 2 times" in each.message for each in check_bundle(twice))
    lamp = replace(qinggang_bundle.rules[0], overrides=("nothing",))
    astray = replace(qinggang_bundle, rules=(lamp, *qinggang_bundle.rules[1:]))
    assert any("overrides nothing" in each.message for each in check_bundle(astray))
    without_calendar = replace(qinggang_bundle, calendars={})
    assert any("county-days" in each.message for each in check_bundle(without_calendar))


def test_the_id_is_the_content(qinggang_bundle: Bundle) -> None:
    encoded = encode_bundle(qinggang_bundle)
    assert encode_bundle(load_pack(PACKS / "qinggang")) == encoded
    assert bundle_id(encoded).startswith("sha256:")
    assert bundle_id(encode_bundle(replace(qinggang_bundle, zone="UTC"))) != bundle_id(encoded)
    with pytest.raises(msgspec.DecodeError):
        decode_bundle(b'{"zone": 1}')
