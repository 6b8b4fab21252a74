"""The power is cut at any moment; whatever was acknowledged before is there after it.

The engine runs its real statements through its real driver and library on a watched disk (`watched_sqlite`; photos:
`watched_files`). At points drawn by a seed the disk's content is made as a power cut could have left it (`disk`),
opened with the ordinary store, and asked (`after_the_cut`). The next life goes on from one of these images, so a
database lives through many cuts. Simulated are the disk and the moment; kernel and drive are taken at their word that a
sync that returned has happened.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.bootstrap import Engine
from dispatcher.store import files, folders, on_sqlite
from tests.chaos_size import chaos_seed, scaled
from tests.integration.crash.trusting_pack import trusting_pack
from tests.integration.power import after_the_cut
from tests.integration.power.disk import Disk, Image, Recorder, cuts_of
from tests.integration.power.recorded_life import RecordedLife, settings_of

_CUTS: Final = 25  # of one life
_LIVES: Final = 8  # of one database
_QUESTIONS: Final = 50  # in one life


@dataclass
class Campaign:
    """Databases that live through one cut after another."""

    folder: Path
    seed: int
    life: type[RecordedLife] = RecordedLife
    cuts: int = 0
    events: int = 0
    lives: int = 0
    at_risk: int = 0  # cuts that found something not synced
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - a test's dice
        self.pack = trusting_pack(self.folder)

    def run(self, cuts: int) -> None:
        image: Image = {}
        known: list[object] = []
        while self.cuts < cuts and not self.faults:
            if self.lives % _LIVES == 0:
                image, known = {}, []
            image, known = self._live_and_cut(image, known, min(_CUTS, cuts - self.cuts))

    def _live_and_cut(self, image: Image, known: list[object], cuts: int) -> tuple[Image, list[object]]:
        """One life from this image; what one of its cuts left, and what is known by then."""
        self.lives += 1
        events = self._record(image).events
        self.events += len(events)
        places = self.dice.sample(range(len(events) + 1), k=min(cuts, len(events)))
        next_start = self.dice.choice(places)
        left = (image, known)
        for place, disk, after, since in cuts_of(events, image, places, self.dice):
            self._judge(place, disk, after, known + since)
            left = (after, known + since) if place == next_start else left
        return left

    def _record(self, image: Image) -> Recorder:
        here = self.folder / "life"
        here.mkdir()
        after_the_cut.write(image, here)
        life = self.life(here, self.pack, f"{self.seed}-{self.lives}", questions=_QUESTIONS)
        life.live()
        shutil.rmtree(here)
        return life.recorder

    def _judge(self, place: int, disk: Disk, image: Image, known: list[object]) -> None:
        self.cuts += 1
        self.at_risk += disk.at_risk_count > 0
        here = self.folder / "cut"
        here.mkdir()
        after_the_cut.write(image, here)
        found = after_the_cut.faults(settings_of(here, self.pack), known)
        self.faults += [f"seed {self.seed}, life {self.lives}, cut before event {place}: {fault}" for fault in found]
        shutil.rmtree(here)


@pytest.fixture(params=[10_000, 40], ids=["log", "checkpoints"])
def pages_between_checkpoints(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As the product has it, and so few that checkpoints are among what is cut."""
    monkeypatch.setattr(on_sqlite, "_PAGES_BETWEEN_CHECKPOINTS", request.param)
    return int(request.param)


@pytest.mark.slow
@pytest.mark.usefixtures("pages_between_checkpoints")
def test_a_hundred_cuts_lose_nothing_acknowledged(folder: Path) -> None:
    _run(Campaign(folder, 20250116), 100)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("pages_between_checkpoints")
def test_five_thousand_cuts_lose_nothing_acknowledged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        campaign, cuts = Campaign(folder, chaos_seed()), scaled(5_000)
        for so_far in range(250, cuts + 250, 250):
            _run(campaign, min(so_far, cuts))


class _OnlyNormal(RecordedLife):
    """A planted fault: the log is not synced at each commit."""

    def prepare(self, engine: Engine) -> None:
        connection = engine.store._writer.raw_connection()
        connection.cursor().execute("PRAGMA synchronous=NORMAL")
        connection.close()


class _Lying(Recorder):
    """A planted fault: the drive says that it has synced, and has not."""

    def synced(self, name: str, began: int) -> None: ...


class _OnALyingDisk(RecordedLife):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.recorder = _Lying()


@pytest.mark.parametrize("life", [_OnlyNormal, _OnALyingDisk])
def test_a_store_that_does_not_sync_is_found(folder: Path, life: type[RecordedLife]) -> None:
    """The control: the same cuts and the same judge must see the loss."""
    campaign = Campaign(folder, 20250117, life)
    campaign.run(50)
    assert [fault for fault in campaign.faults if "was answered" in fault or "open" in fault], campaign.faults


def test_photos_whose_folders_are_not_synced_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "sync_folder", lambda _: None)
    monkeypatch.setattr(folders, "sync_folder", lambda _: None)
    campaign = Campaign(folder, 20250118)
    campaign.run(50)
    assert [fault for fault in campaign.faults if "its file is not there" in fault], campaign.faults


def _run(campaign: Campaign, cuts: int) -> None:
    campaign.run(cuts)
    print(  # noqa: T201 - a report
        f"\nseed {campaign.seed}: {campaign.cuts} cuts in {campaign.lives} lives, {campaign.events} disk events;"
        f" {campaign.at_risk} cuts found something not synced"
    )
    assert campaign.faults == []
    assert campaign.cuts == cuts
    assert campaign.at_risk > cuts // 2, "the cuts met a disk at rest"
