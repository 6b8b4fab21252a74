"""`follow-up` and `storm` of a pack: read, refused with a place, and carried by every decision."""

from datetime import UTC, datetime

import pytest

from routing_rules import bundle_id, compile_bundle, encode_bundle, route
from routing_rules.model import Storm
from routing_rules.parse import parse_pack
from routing_rules.problems import PackError
from schemas.facts import Facts

PACK = """
jurisdiction: x
zone: UTC
responders: [{id: desk, desk: true, name: {en: Desk}}]
rules: [{id: default, when: any, send: {to: desk}}]
"""
NOW = datetime(2025, 1, 12, tzinfo=UTC)


def test_both_are_read() -> None:
    bundle = parse_pack(
        {"p.yaml": PACK + "follow-up: {close-after: 7d}\nstorm: {count: 5, within: 2km, for: 1h}\n"}
    ).bundle
    assert bundle.close_after_s == 7 * 86_400
    assert bundle.storm == Storm(count=5, within_m=2_000, for_s=3_600)
    decision = route(Facts(source="s", reported_at=NOW), compile_bundle(bundle, bundle_id(encode_bundle(bundle))), NOW)
    assert decision.close_after_s == 7 * 86_400


def test_without_them_nothing_is_closed_by_time_and_no_storm_is_seen() -> None:
    bundle = parse_pack({"p.yaml": PACK}).bundle
    assert (bundle.close_after_s, bundle.storm) == (None, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("follow-up: {close-after: soon}", "is a time such as"),
        ("follow-up: {}", "needs `close-after`"),
        ("follow-up: {close-after: 7d, close: 1d}", "close"),
        ("storm: {count: 2, within: 2km, for: 1h}", "3 or more"),
        ("storm: {count: 10, within: near, for: 1h}", "is a distance such as"),
        ("storm: {count: 10, within: 2km}", "needs `for`"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, said: str) -> None:
    with pytest.raises(PackError) as refused:
        parse_pack({"p.yaml": PACK + line + "\n"})
    assert said in str(refused.value)
    assert "p.yaml:6:" in str(refused.value)
