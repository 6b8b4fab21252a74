"""The rule-writing guide, both languages: its blocks are one working pack, and name every construct there is."""

import re
from pathlib import Path

import pytest

from routing_rules import check_bundle, encode_bundle
from routing_rules.model import Bundle
from routing_rules.parse import parse_pack

DOCS = Path(__file__).parents[3] / "docs"
GUIDES = ("writing-rules.md", "writing-rules.zh.md")


def pack_of(guide: str) -> Bundle:
    text = (DOCS / guide).read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return parse_pack({f"{guide}-{number}.yaml": block for number, block in enumerate(blocks)}).bundle


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_is_a_sound_pack(guide: str) -> None:
    assert check_bundle(pack_of(guide), run_cases=True) == []


def test_both_languages_show_the_same_pack() -> None:
    first, second = map(pack_of, GUIDES)
    assert encode_bundle(first) == encode_bundle(second)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_condition_and_field_is_shown(guide: str) -> None:
    rules = pack_of(guide).rules
    assert {name for rule in rules for name in rule.when.__struct_fields__ if getattr(rule.when, name)} >= {
        "category", "area", "source", "channel", "severity", "flags", "attributes", "band", "weekday",
    }  # fmt: skip
    assert {rule.mode for rule in rules} == {"first-claim", "race", "all", "copy"}
    unused = {name for name in rules[0].__struct_fields__ if not any(getattr(rule, name) for rule in rules)}
    assert unused == set()
