"""Writes the learned pack as YAML: quoted texts, one thing a line, the same input giving the same bytes."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.files.cells import slugged

DESK = "desk-311"
HEADER = """\
# Made by `python -m benchmarks.make_boston_pack` from the city's records of July to October 2011: names and rules only.
# Change the script, not this file.
"""
HEAD = """\
jurisdiction: us-ma-boston
zone: America/New_York
name: {en: Boston}
centre: [42.3601, -71.0589]
default-points: [[42.3594, -71.0587]] # City Hall: what the city stores when it does not know the place
sources:
  boston311: {trusted: true}
"""


@dataclass(frozen=True)
class PackRule:
    """What was learned about one type. `queues`: value of the column `refined_by` → queue, None = any other value."""

    category: str
    name: str
    queues: Mapping[str | None, str]
    refined_by: str | None
    fix: str | None
    group: tuple[int, int] | None


def write_pack(
    folder: Path, rules: Sequence[PackRule], queues: Mapping[str, str], calendars: Mapping[str, Mapping[str, object]]
) -> None:
    """`queues`: queue → its department."""
    folder.mkdir(parents=True, exist_ok=True)
    head = HEAD + "calendars:\n" + "".join(f"  {name}: {_flow(value)}\n" for name, value in calendars.items())
    _write(folder / "pack.yaml", head)
    _write(folder / "responders.yaml", "responders:\n" + "".join(_responders(queues)))
    categories = "".join(f"- {{id: {rule.category}, name: {{en: {_flow(rule.name)}}}}}\n" for rule in rules)
    _write(folder / "categories.yaml", "categories:\n" + categories)
    default = f"- {{id: default, when: any, send: {{to: {DESK}, mode: first-claim}}}}\n"
    _write(folder / "rules.yaml", "rules:\n" + "".join(map(_rule, rules)) + default)


def responder_id(queue: str) -> str:
    """Id of a queue or department: at most 63 characters."""
    return slugged(queue)[:63].strip("-")


def _write(path: Path, text: str) -> None:
    path.write_text(HEADER + text, encoding="utf-8")


def _flow(value: object) -> str:
    """JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def _responders(queues: Mapping[str, str]) -> list[str]:
    departments = sorted(set(queues.values()))
    lines = [f"- {{id: {DESK}, name: {{en: 311 desk}}, desk: true}}\n"]
    lines += [f"- {{id: {responder_id(name)}, name: {{en: {_flow(name)}}}}}\n" for name in departments]
    for queue in sorted(queues, key=responder_id):
        parent = responder_id(queues[queue])
        lines.append(f"- {{id: {responder_id(queue)}, name: {{en: {_flow(queue)}}}, parent: {parent}}}\n")
    if len({line.partition(",")[0] for line in lines}) < len(lines):
        raise ValueError("two queues have the same id")
    return lines


def _rule(rule: PackRule) -> str:
    """One row of the table for the type, and one more for each queue that some values of the column lead to."""
    values: dict[str, list[str]] = defaultdict(list)
    for value, queue in rule.queues.items():
        if value is not None:
            values[queue].append(value)
    name = rule.category.rpartition("/")[2]
    rows = [_row(rule, name, "", rule.queues[None])]
    for queue, some in sorted(values.items()):
        extra = f", attributes: {{{rule.refined_by}: {_flow(sorted(some))}}}"
        rows.append(_row(rule, f"{name}:{responder_id(queue)}", extra, queue))
    return "".join(rows)


def _row(rule: PackRule, name: str, extra: str, queue: str) -> str:
    lines = [
        f"- id: {name}",
        f"  when: {{category: {rule.category}{extra}}}",
        f"  send: {{to: {responder_id(queue)}, mode: first-claim}}",
    ]
    if rule.fix:
        lines.append(f"  clock: {{fix: {rule.fix}}}")
    if rule.group:
        lines.append(f"  group: {{within: {rule.group[0]}m, for: {rule.group[1]}d}}")
    return "\n".join(lines) + "\n"
