"""What README and CONTRIBUTING tell people to type exists, and what is generated is current."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

_PAGES = ("README.md", "CONTRIBUTING.md")


def _targets() -> set[str]:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w%-]*):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("page", _PAGES)
def test_every_make_command_of_the_page_exists(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    told = set(re.findall(r"^\s*(?:\$ )?make ([a-z][\w-]*)|`make ([a-z][\w-]*)", text, flags=re.MULTILINE))
    wanted = {first or second for first, second in told}
    unknown = {name for name in wanted if name not in _targets() and not name.startswith("bench-")}
    assert unknown == set()


def test_what_make_prints_without_a_target_names_them_all() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=PROJECT, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert listed == _targets()


def test_generated_files_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "schemas.generate", "--check"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
