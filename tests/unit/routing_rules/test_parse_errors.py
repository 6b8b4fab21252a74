"""Every mistake in a pack is named with file, line and column, and one look names them all."""

from pathlib import Path

import pytest

from routing_rules import PackError, load_pack
from tests.unit.routing_rules.pack_texts import BASE, DEFAULT, pack, problems


def said_about(rules: str) -> list[str]:
    return problems(pack(rules))


def test_a_sound_pack_has_no_problem() -> None:
    assert said_about("- {id: a, when: {category: road/hole}, send: {to: roads}}\n") == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: a, when: {category: road/hole}, send: {to: roads}, ▶prio: P1}", "unknown key in a rule: 'prio'"),
        ("{id: a, when: {category: road/hole}, send: {to: ▶rods}}", "unknown responder 'rods'; did you mean 'roads'?"),
        ("{id: a, when: {category: ▶road/holes}, send: {to: roads}}", "unknown category 'road/holes'; did you mean"),
        ("{id: a, when: {category: ▶water/*}, send: {to: roads}}", "unknown category 'water/*'"),
        ("{id: a, when: {area: ▶999}, send: {to: roads}}", "unknown area '999'"),
        ("{id: a, when: {band: ▶noon}, send: {to: roads}}", "unknown band 'noon'"),
        ("{id: a, when: {weekday: [mon, ▶tues]}, send: {to: roads}}", "unknown weekday 'tues'; did you mean 'tue'?"),
        ("{id: a, when: {keyword: ▶lampe}, send: {to: roads}}", "unknown keyword 'lampe'; did you mean 'lamp'?"),
        ("{id: a, when: {flag: ▶hurt}, send: {to: roads}}", "unknown flag 'hurt'"),
        ("{id: a, when: {▶weather: snow}, send: {to: roads}}", "`weather` is not yet supported"),
        ("{id: a, when: ▶{}, send: {to: roads}}", "no condition here; a rule for everything says `when: any`"),
        ("▶{id: a, send: {to: roads}}", "a rule needs `when`"),
        ("▶{when: {category: road/hole}, send: {to: roads}}", "a rule needs `id`"),
        ("▶{id: a, when: {category: road/hole}}", "a rule needs `send`, or at least `tags` to add"),
        ("{id: a, when: {category: road/hole}, tags: [x], priority: ▶P1}", "`priority` belongs to a rule that owns"),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads, mode: ▶gather}}",
            "mode `gather` is not yet supported",
        ),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads, mode: ▶rase}}",
            "`mode` is first-claim or race or all",
        ),
        ("{id: a, when: {category: road/hole}, send: {to: roads, ▶with: [police]}}", "`with` is not yet supported"),
        ("{id: a, when: {category: road/hole}, send: ▶{copy: [police]}}", "`send` needs `to`"),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, ▶need: [{count: 2}]}", "`need` is not yet supported"),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, ▶escalate: [x]}", "`escalate` is not yet supported"),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, clock: {claim: ▶20}}", "claim: a clock looks like"),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, clock: {fix: ▶2wd dayz}}", "fix: no calendar 'dayz'"),
        (
            "{id: a, when: {area: 231223}, send: {to: roads}, clock: {fix: {before: ▶noon, min-lead: 1h, else: 2h}}}",
            "fix: `before` is sunset or civil-dusk",
        ),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, clock: {▶fin: 2h}}", "unknown key in `clock`: 'fin'"),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads}, group: {within: ▶30, for: 6h}}",
            "`within` is a distance such as 30m or 2km, not '30'",
        ),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, group: ▶{within: 30m}}", "`group` needs `for`"),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads}, priority: ▶P5}",
            "`priority` is P1 or P2 or P3 or P4",
        ),
        ("{id: a, when: {category: road/hole}, send: {to: roads}, overrides: [▶b]}", "unknown rule 'b'"),
        ("{id: a, when: {severity: ▶{at-least: 5, at-most: 3}}, send: {to: roads}}", "no number lies in this range"),
        ("{id: a, when: {severity: {▶min: 5}}, send: {to: roads}}", "unknown key in `severity`: 'min'"),
        ("{id: a, when: {attributes: {lane: ▶}}, send: {to: roads}}", "`lane` has no value"),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads}, expect: [{text: 洞, owner: ▶rods}]}",
            "unknown responder 'rods'",
        ),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads}, expect: [{text: 洞,▶很深, owner: roads}]}",
            "unknown key in a case: '很深'",
        ),
        (
            "{id: a, when: {category: road/hole}, send: {to: roads}, expect: [{at: ▶25:00, owner: roads}]}",
            '`at` is local time, "22:10" or "2025-01-12 12:22", not \'25:00\'',
        ),
    ],
)
def test_a_mistake_in_a_rule_is_named_with_its_place(rule: str, said: str) -> None:
    """▶ stands where the problem must be shown."""
    column = len("- ") + rule.index("▶") + 1
    found = said_about(f"- {rule.replace('▶', '')}\n")
    assert any(line.startswith(f"rules.yaml:2:{column}: {said}") for line in found), found


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("zone: Asia/Qinggang", "zone: Asia/Shanghai", "2:7: `zone` is a time zone such as Asia/Shanghai"),
        ("centre: [126.10, 46.69]", "centre: [46.69, 126.10]", "3:9: `centre` is latitude (-90 to 90), then longitude"),
        ("- {id: Lamps", "- {id: lamps", "7:8: `id` must be lower-case letters, digits and hyphens"),
        ("adapter: kafak", "adapter: kafka", "7:51: `adapter` is kafka, not 'kafak'"),
        ("- {id: roads, parent: road}", "- {id: roads}", "8:23: unknown responder 'road'; did you mean 'roads'?"),
        ("- {id: roads, desk: true}", "- {id: roads}", "6:1: exactly one responder is the desk (`desk: true`), not 2"),
        ("- {id: roads}\n- {id: roads}", "- {id: roads}", "9:8: `responders` has 'roads' twice"),
        ("- {id: road/*}", "- {id: road/hole}", "13:8: `id` must be a name without * or …"),
        (
            "bbox: [47.0, 125.0, 46.0, 127.0]",
            "bbox: [46.0, 125.0, 47.0, 127.0]",
            "15:22: `bbox` is [south, west, north, east]",
        ),
        ('night: "22:00"', 'night: "22:00-06:00"', "17:16: band night: it looks like"),
        ("kind: working-dayz", "kind: working-days", "19:16: calendar days: `kind` is one of"),
        ("{trusted: maybe}", "{trusted: true}", "21:21: `trusted` is true or false"),
        ("any: [受伤, …]", "any: [受伤]", "24:24: a word needs text around each …"),
        ("regex: ['(?=x)']", "any: [受伤]", "24:22: not a pattern RE2 can run"),
        ("regex: ['伤\uff0c']", "any: [受伤]", "24:22: '\uff0c' can never match: texts are read with ',' in its place"),
        ("regex: ['伤*']", "any: [受伤]", "24:22: matches every text"),
        ("", "jurisdiction: test-1", "needs `jurisdiction`"),
    ],
)
def test_a_mistake_elsewhere_is_named_with_its_place(wrong: str, right: str, said: str) -> None:
    assert right in BASE
    found = problems({**pack(), "pack.yaml": BASE.replace(right, wrong, 1)})
    assert any(said in line and line.startswith("pack.yaml:") for line in found), found


def test_yaml_that_hides_something_is_refused() -> None:
    found = said_about(
        "- &one {id: a, when: {category: road/hole}, send: {to: roads}}\n"
        "- *one\n"
        "- !!map {id: b, when: {category: road/hole}, send: {to: roads}}\n"
        "- {id: c, when: {category: road/hole}, send: {to: roads}, id: d}\n"
    )
    assert "rules.yaml:2:3: anchors are not allowed (&one): write the value out where it is needed" in found
    assert "rules.yaml:3:3: aliases are not allowed (*one): write the value out" in found
    assert "rules.yaml:4:3: tags are not allowed (!…): write a plain value" in found
    assert "rules.yaml:5:59: duplicate key 'id' (first in line 5)" in found


def test_several_problems_are_reported_at_once_in_order() -> None:
    found = said_about("- {id: a, when: {category: x}, send: {to: y}}\n- {id: a, when: {area: z}, send: {to: roads}}\n")
    assert [line.split(": ")[0] for line in found] == [
        "rules.yaml:2:28",
        "rules.yaml:2:43",
        "rules.yaml:3:8",
        "rules.yaml:3:24",
    ]


@pytest.mark.parametrize("default", ["", "- {id: d, when: any, send: {to: roads}}\n"])
def test_the_default_rule_to_the_desk_is_mandatory(default: str) -> None:
    found = problems(pack("- {id: a, when: {area: 231223}, send: {to: desk}}\n", default))
    assert any("default rule" in line for line in found), found


def test_a_section_may_be_spread_over_files_but_said_once_if_single() -> None:
    files = {**pack(), "more.yaml": "zone: UTC\nrules:\n- {id: x, when: {category: road/hole}, send: {to: roads}}\n"}
    assert problems(files) == ["more.yaml:1:1: `zone` was said before in pack.yaml, line 2"]


def test_files_that_are_no_pack(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"rules: [\n")
    (tmp_path / "b.yaml").write_bytes("名: ".encode() + b"\xff")
    with pytest.raises(PackError, match=r"b\.yaml:1:4: not UTF-8"):
        load_pack(tmp_path)
    (tmp_path / "b.yaml").unlink()
    with pytest.raises(PackError, match=r"a\.yaml:2:1: not readable as YAML"):
        load_pack(tmp_path)
    with pytest.raises(PackError, match="no such folder"):
        load_pack(tmp_path / "nowhere")


def test_problems_carry_the_path_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(BASE + "rules:\n" + DEFAULT + "extra: 1\n", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load_pack(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == (str(tmp_path / "pack.yaml"), 27, 1)
    assert str(problem).startswith(f"{tmp_path}/pack.yaml:27:1: unknown key in the pack: 'extra'")
