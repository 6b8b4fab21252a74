"""kill -9 by the hundred: lives forked from a warm parent, killed within their first moments of load.

`make chaos` kills 20,000 times; LIANDONG_CHAOS_SEED repeats a run, LIANDONG_CHAOS_SCALE makes it larger or smaller.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos_size import chaos_seed, scaled
from tests.warm_parent import PROJECT

_PROGRAM: Final = (sys.executable, "-m", "tests.integration.crash.killing")
_PARENTS: Final = 2  # warm parents side by side, each with databases of its own


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_hundred_kills_lose_nothing_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _check(_kill(tmp_path, kills=500, seed=20250114), kills=500, seed=20250114, capsys=capsys)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_twenty_thousand_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed, kills = chaos_seed(), scaled(20_000)
    with capsys.disabled():
        judged = _kill(tmp_path, kills=kills, seed=seed, progress=True)
    _check(judged, kills=kills, seed=seed, capsys=capsys)


def test_answers_that_leave_before_their_commit_are_found(tmp_path: Path) -> None:
    """The control: the same kills and the same judge, and one planted fault."""
    (judged,) = _kill(tmp_path, kills=20, seed=20250115, parents=1, plant=("--late",))
    assert [fault for fault in judged["faults"] if "received 0 times" in fault], judged["faults"]


def _kill(
    folder: Path, *, kills: int, seed: int, parents: int = _PARENTS, plant: tuple[str, ...] = (), progress: bool = False
) -> list[dict[str, Any]]:
    """What the warm parents say of each database."""
    share = [kills // parents + (number < kills % parents) for number in range(parents)]
    running = [
        subprocess.Popen(
            [
                *_PROGRAM,
                *plant,
                f"--kills={share[number]}",
                f"--seed={seed + number}",
                f"--folder={folder / str(number)}",
            ],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=(folder / f"{number}.log").open("w"),
            text=True,
        )
        for number in range(parents)
    ]
    judged: list[dict[str, Any]] = []

    def hear(parent: subprocess.Popen[str]) -> None:
        assert parent.stdout is not None
        for line in parent.stdout:
            judged.append(json.loads(line))
            if progress and len(judged) % 20 == 0:
                print(f"seed {seed}: {sum(each['kills'] for each in judged)} kills judged")  # noqa: T201 - progress

    with ThreadPoolExecutor(parents) as threads:
        list(threads.map(hear, running))
    for number, parent in enumerate(running):
        assert parent.wait() == 0, (folder / f"{number}.log").read_text(encoding="utf-8")[-2000:]
    return judged


def _check(judged: list[dict[str, Any]], *, kills: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    killed_at, asked = Counter[str](), Counter[str]()
    for each in judged:
        killed_at.update(each["killed_at"])
        asked.update(each["asked"])
    inside = killed_at["READING"] + killed_at["WRITING"] + killed_at["COMMITTING"]
    with capsys.disabled():
        print(  # noqa: T201 - a report
            f"\nseed {seed}: {kills} kills on {len(judged)} databases, {inside / kills:.0%} inside a transaction"
            f" {dict(killed_at)}; asked {dict(asked)}; cut off {sum(each['cut_off'] for each in judged)}"
        )
    wrong = {each["database"]: each["faults"] for each in judged if each["faults"]}
    assert wrong == {}, f"seed {seed}"
    assert killed_at.total() == kills
    assert inside > kills // 3, "the kills missed the transactions"
    assert killed_at["COMMITTING"] > 0
    assert asked["report"] > kills, "next to nothing happened between the kills"
