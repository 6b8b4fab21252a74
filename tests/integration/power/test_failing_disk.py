"""The disk refuses: each n-th write, sync, truncate or create of a life, once or for a while, full or broken.

Whoever asked hears 503 and asks again; nothing acknowledged is lost, nothing is doubled, and the same process goes on.
Cutting the power later on changes nothing about it, although what a failed sync was to keep is thrown away for good.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from dispatcher.bootstrap import open_engine
from dispatcher.store import on_sqlite
from tests.chaos_size import scaled
from tests.integration.crash.trusting_pack import trusting_pack
from tests.integration.power import after_the_cut
from tests.integration.power.disk import Acknowledged, Image, Recorder, cuts_of
from tests.integration.power.recorded_life import DATABASE, RecordedLife, settings_of
from tests.integration.power.watched_sqlite import FULL, IOERR_FSYNC, IOERR_WRITE

_QUESTIONS: Final = 12
_CUTS: Final = 6  # of a life, afterwards
_PAGES_BETWEEN_CHECKPOINTS: Final = 20  # so that they are among what fails


class Refusal(NamedTuple):
    steps: frozenset[str]
    code: int
    times: int


REFUSALS: Final = {
    "full once": Refusal(frozenset({"write", "create"}), FULL, 1),
    "full for a while": Refusal(frozenset({"write", "create"}), FULL, 6),
    "write fails": Refusal(frozenset({"write", "create", "truncate"}), IOERR_WRITE, 1),
    "sync fails": Refusal(frozenset({"sync"}), IOERR_FSYNC, 1),
    "sync fails for a while": Refusal(frozenset({"sync"}), IOERR_FSYNC, 4),
}


class FailingDisk(Recorder):
    """Refuses the steps of its kind from the n-th on, so many times."""

    def __init__(self, refusal: Refusal, at: int) -> None:
        super().__init__()
        self._refusal = refusal
        self._at = at
        self.count = 0
        self.refused = 0

    def fails(self, step: str, name: str) -> int:  # noqa: ARG002 - of whichever file
        if step not in self._refusal.steps:
            return 0
        self.count += 1
        if not self._at <= self.count < self._at + self._refusal.times:
            return 0
        self.refused += 1
        return self._refusal.code


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A pack, and a folder with a database in which it is published."""
    folder = tmp_path_factory.mktemp("failing-disk")
    engine = open_engine(settings_of(folder / "var", trusting_pack(folder)))
    engine.start(tick=False)
    engine.stop()
    yield folder
    shutil.rmtree(folder)


def _live(template: Path, folder: Path, refusal: Refusal, at: int) -> tuple[FailingDisk, RecordedLife]:
    """One life with this fault, judged."""
    here = folder / f"{at}"
    shutil.copytree(template / "var", here)
    before = {DATABASE: (here / DATABASE).read_bytes()}
    life = RecordedLife(here, template / "pack", f"at-{at}", questions=_QUESTIONS)
    disk = life.recorder = FailingDisk(refusal, at)
    life.live()
    known = [event.what for event in disk.events if isinstance(event, Acknowledged)]
    assert after_the_cut.faults(settings_of(here, template / "pack"), known) == [], f"{refusal} at {at}"
    assert len(known) >= _QUESTIONS
    shutil.rmtree(here)
    _cut(before, disk, template / "pack", folder / "cut")
    return disk, life


def _cut(before: Image, disk: FailingDisk, pack: Path, here: Path) -> None:
    dice = random.Random(len(disk.events))  # noqa: S311 - a test's dice
    places = dice.sample(range(len(disk.events) + 1), k=_CUTS)
    for place, _, image, known in cuts_of(disk.events, before, places, dice):
        here.mkdir()
        after_the_cut.write(image, here)
        assert after_the_cut.faults(settings_of(here, pack), known) == [], f"cut before event {place}"
        shutil.rmtree(here)


def _sweep(template: Path, folder: Path, kind: str, stride: int, start: int) -> None:
    """Every `stride`-th place of a life, until a life is over before its fault."""
    refused = unavailable = lives = 0
    at = start
    while True:
        disk, life = _live(template, folder, REFUSALS[kind], at)
        if not disk.refused:
            break
        lives, refused, unavailable = lives + 1, refused + disk.refused, unavailable + life.unavailable_count
        at += stride
    print(f"\n{kind}: {lives} lives, {refused} refusals, {unavailable} times 503")  # noqa: T201 - a report
    assert unavailable > 0


@pytest.fixture(autouse=True)
def _checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_sqlite, "_PAGES_BETWEEN_CHECKPOINTS", _PAGES_BETWEEN_CHECKPOINTS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_now_and_then_is_503_and_costs_nothing(template: Path, folder: Path, kind: str) -> None:
    _sweep(template, folder, kind, stride=3 if "sync" in kind else 23, start=2)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_at_each_place_is_503_and_costs_nothing(template: Path, folder: Path, kind: str) -> None:
    for _ in range(scaled(3)):
        _sweep(template, folder, kind, stride=1, start=1)
