"""The machinery of conftest.py: one server for all processes of a run, and no quiet skip in continuous integration."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.shared_part import shared_part

_SKIPS = """
import pytest
from tests.conftest import MISSING

@pytest.fixture
def part():
    pytest.skip(MISSING + "install it")

def test_in_a_fixture(part): ...

def test_in_the_test():
    pytest.skip(MISSING + "install it")

def test_for_another_reason():
    pytest.skip("not on a Tuesday")
"""
_SKIPS_AS_A_WHOLE = """
import pytest
from tests.conftest import MISSING
pytest.skip(MISSING + "install it", allow_module_level=True)
"""


@pytest.mark.parametrize(
    ("required", "closing"), [("0", "4 skipped"), ("1", "1 failed, 1 skipped, 2 errors")], ids=["at home", "required"]
)
def test_a_missing_real_part_fails_only_where_it_is_required(tmp_path: Path, required: str, closing: str) -> None:
    (tmp_path / "test_skips.py").write_text(_SKIPS, encoding="utf-8")
    (tmp_path / "test_skips_as_a_whole.py").write_text(_SKIPS_AS_A_WHOLE, encoding="utf-8")
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-W", "ignore", "--continue-on-collection-errors"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", tmp_path],
        cwd=PROJECT,
        env={**os.environ, "LIANDONG_REQUIRE_REAL": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in done.stdout.splitlines()[-1], done.stdout
    assert done.returncode == int(required)


def test_the_owner_of_a_shared_part_stops_it_after_the_last_user(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    owner_has_it, guest_has_it, guest_may_go = context.Event(), context.Event(), context.Event()
    diary = tmp_path / "diary"

    def guest() -> None:
        owner_has_it.wait(10)
        with shared_part(tmp_path, "part", lambda: _part(diary)) as address:
            _note(diary, f"guest got {address}")
            guest_has_it.set()
            guest_may_go.wait(10)
            _note(diary, "guest left")

    visitor = context.Process(target=guest)
    visitor.start()
    with shared_part(tmp_path, "part", lambda: _part(diary)):
        owner_has_it.set()
        assert guest_has_it.wait(10)
        _note(diary, "owner done")
        guest_may_go.set()
    visitor.join(10)
    assert diary.read_text(encoding="utf-8").splitlines()[:3] == ["started", "guest got 127.0.0.1:1", "owner done"]
    assert diary.read_text(encoding="utf-8").splitlines()[3:] == ["guest left", "stopped"]


@contextmanager
def _part(diary: Path) -> Iterator[str]:
    _note(diary, "started")
    yield "127.0.0.1:1"
    _note(diary, "stopped")


def _note(diary: Path, line: str) -> None:
    with diary.open("a", encoding="utf-8") as book:
        book.write(f"{line}\n")
