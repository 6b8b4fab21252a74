"""Imports go down only, and the pure rooms stay pure."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

_PURE_ROOMS = ("schemas", "routing_rules", "dispatcher/core")
_READS_THE_CLOCK = {"now", "utcnow", "today"}


def test_the_contracts_hold(tmp_path: Path) -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--cache-dir", tmp_path], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", _PURE_ROOMS)
def test_a_pure_room_asks_no_clock(room: str) -> None:
    """`datetime.now` needs no forbidden import, so import-linter cannot see it."""
    guilty = [where for file in (PROJECT / room).rglob("*.py") for where in _clock_readings(file)]
    assert guilty == []


def test_a_clock_reading_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "guilty.py"
    file.write_text("from datetime import UTC, datetime\nat = datetime.now(tz=UTC)\nnow = at\n", encoding="utf-8")
    assert _clock_readings(file) == [f"{file}:2"]


def _clock_readings(file: Path) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Call))
    return [
        f"{file}:{call.lineno}"
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in _READS_THE_CLOCK
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"datetime", "date"}
    ]
