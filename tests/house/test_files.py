"""Sizes, names and contents of the files under version control."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.house.tracked_files import python_files, tracked_files

_LONGEST_FILE = 400
_EMPTY_WORDS = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
_EMPTY_ALONE = {"data", "info", "process"}
# Places of one machine, and hosts that a mirror may stand in for. Written so that they do not find themselves.
_MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(w[o]rk|t[m]p|r[o]ot|h[o]me/\w+)(/|\b)|\.l[i]brary\b")
_REGISTRY_HOSTS = re.compile(
    r"(pypi|pythonhosted|npmjs|yarnpkg|crates)\.(org|com|io)\b|repo1?\.maven\.(org|apache\.org)|proxy\.golang\.org"
    r"|(deb|ftp|security|snapshot)\.[\w.]*debian\.org"
)


def test_no_file_outgrows_a_reader() -> None:
    too_long = [_name(path) for path in python_files() if _line_count(path) > _LONGEST_FILE and not _says_why(path)]
    assert too_long == [], f"split them, or say why in the first five lines: `# size: reason` (limit {_LONGEST_FILE})"


def test_names_say_what_is_inside() -> None:
    nameless = {
        _name(path)
        for path in python_files()
        for part in path.relative_to(PROJECT).with_suffix("").parts
        if part in _EMPTY_ALONE or set(part.lower().split("_")) & _EMPTY_WORDS
    }
    assert sorted(nameless) == []


@pytest.mark.parametrize("pattern", [_MACHINE_PATHS, _REGISTRY_HOSTS], ids=["machine path", "registry host"])
def test_nothing_names_one_machine(pattern: re.Pattern[str]) -> None:
    found = [f"{_name(path)}: {hit[0]}" for path in tracked_files() if (hit := pattern.search(_text(path)))]
    assert found == []


@pytest.mark.parametrize("guilty", ["/w" + "ork/main", "see /t" + "mp/x", "https://pypi" + ".org/simple"])
def test_a_machine_is_recognised(guilty: str) -> None:
    assert _MACHINE_PATHS.search(guilty) or _REGISTRY_HOSTS.search(guilty)


def _name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def _line_count(path: Path) -> int:
    return len(_text(path).splitlines())


def _says_why(path: Path) -> bool:
    return any(re.match(r"# size: \S", line) for line in _text(path).splitlines()[:5])
