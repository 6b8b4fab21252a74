"""Reads a pack's folder: the only place of this room that touches files."""

from pathlib import Path

from routing_rules.check import Finding, check_bundle, positioned
from routing_rules.model import Bundle
from routing_rules.parse import Parsed, parse_pack
from routing_rules.problems import PackError, Problem

_LARGEST_FILE = 8 << 20


def load_pack(folder: Path) -> Bundle:
    """The bundle of the *.yaml files in this folder; its `expect` cases are not run (`check_pack` does that).

    Raises PackError with every problem found: in the files, in what they refer to, rules that contradict each other.
    """
    parsed = _parse(folder)
    errors = [finding for finding in check_bundle(parsed.bundle) if finding.is_error]
    if errors:
        raise PackError(_placed(errors, parsed))
    return parsed.bundle


def check_pack(folder: Path) -> tuple[Bundle, tuple[Problem, ...]]:
    """(bundle, warnings).

    Raises PackError with everything that must be put right before publishing, failed `expect` cases included.
    """
    parsed = _parse(folder)
    findings = check_bundle(parsed.bundle, run_cases=True)
    errors = [finding for finding in findings if finding.is_error]
    if errors:
        raise PackError(_placed(errors, parsed))
    return parsed.bundle, _placed([finding for finding in findings if not finding.is_error], parsed)


def _placed(findings: list[Finding], parsed: Parsed) -> tuple[Problem, ...]:
    return tuple(positioned(finding, parsed.rules_at) for finding in findings)


def _parse(folder: Path) -> Parsed:
    files: dict[str, str] = {}
    problems: list[Problem] = []
    if not folder.is_dir():
        raise PackError([Problem(str(folder), 1, 1, "no such folder")])
    for path in sorted(each for each in folder.iterdir() if each.suffix in (".yaml", ".yml") and each.is_file()):
        text = _read(path, problems)
        if text is not None:
            files[str(path)] = text
    if not files:
        problems.append(Problem(str(folder), 1, 1, "no *.yaml file in this folder"))
    if problems:
        raise PackError(problems)
    return parse_pack(files)


def _read(path: Path, problems: list[Problem]) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.append(Problem(str(path), 1, 1, f"cannot be read: {error.strerror}"))
        return None
    if len(content) > _LARGEST_FILE:
        problems.append(Problem(str(path), 1, 1, f"larger than {_LARGEST_FILE >> 20} MiB"))
        return None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        problems.append(Problem(str(path), before.count(b"\n") + 1, column, "not UTF-8"))
        return None
