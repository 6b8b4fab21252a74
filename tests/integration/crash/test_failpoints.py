"""Each way to fail at each step: crashed before or after it, refused, done but said to have failed, late."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.integration.crash.failing_import import POINT as POINT_OF_IMPORT
from tests.integration.crash.failpoints import FAULTS, POINTS
from tests.warm_parent import PROJECT

_PARENTS: Final = 4  # most of a case is waiting

Case = tuple[str, str]
Found = list[str]


class Parents:
    """Warm parents side by side; each thread speaks to its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = itertools.count()
        self._mine = threading.local()
        self._all: list[subprocess.Popen[str]] = []
        self._threads = ThreadPoolExecutor(_PARENTS, initializer=self._start)

    def ask(self, case: Case) -> Future[Found]:
        return self._threads.submit(self._ask, case)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for parent in self._all:
            parent.communicate()

    def _start(self) -> None:
        here = self._folder / str(next(self._number))
        here.mkdir()
        self._mine.log = here / "log"
        self._mine.parent = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.crash.failing", f"--folder={here}"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._mine.log.open("w"),
            text=True,
        )
        self._all.append(self._mine.parent)

    def _ask(self, case: Case) -> Found:
        point, fault = case
        self._mine.parent.stdin.write(json.dumps({"point": point, "fault": fault}) + "\n")
        self._mine.parent.stdin.flush()
        answer = self._mine.parent.stdout.readline()
        assert answer, self._mine.log.read_text(encoding="utf-8")[-3000:]
        found: Found = json.loads(answer)["faults"]
        return found


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Case, Future[Found]]]:
    """All cases of this run, begun at once."""
    parents = Parents(tmp_path_factory.mktemp("failpoints"))
    wanted = [item.callspec.params for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    cases = [(each["point"], each["fault"]) for each in wanted]
    yield {case: parents.ask(case) for case in cases}
    parents.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", [*POINTS, POINT_OF_IMPORT])
def test_nothing_is_lost_or_doubled_and_it_goes_on(found: dict[Case, Future[Found]], point: str, fault: str) -> None:
    assert found[point, fault].result() == []
