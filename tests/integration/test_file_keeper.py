"""Files in step with rows: whatever comes between two steps, nothing that is needed is lost and nothing else stays."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from dispatcher.attachments import FileRefused
from dispatcher.service import Writer
from dispatcher.service.file_keeper import UNUSED_FOR, FileKeeper
from dispatcher.store import Changes, Erasure, Store, StoreUnavailable
from dispatcher.store.files import FileFolder
from schemas import outcomes as out
from tests.contracts.spine_making import Bench
from tests.unit.attachments.picture_making import photo
from tests.unit.attachments.test_sounds import AMR

DAY_S = UNUSED_FOR.total_seconds()


class Interrupted(FileFolder):
    """A folder in which something happens, once, just before a step."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.before: dict[str, Callable[[], object]] = {}

    def _happen(self, step: str) -> None:
        self.before.pop(step, lambda: None)()

    def delete(self, name: str) -> None:
        self._happen("delete")
        super().delete(name)

    def has(self, name: str) -> bool:
        self._happen("has")
        return super().has(name)


class Place:
    """A store, a folder and who keeps them in step."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.bench = Bench(store)
        self.store = store
        self.folder = folder
        self.files = Interrupted(folder)
        self.writer = Writer(self.bench.spine, time.perf_counter)
        self.writer.start()
        self.keeper = FileKeeper(store, self.writer, self.files)

    def keep(self, raw: bytes, command_id: str | None = None) -> str:
        outcome = self.keeper.submit(BytesIO(raw), command_id).result(10)
        assert isinstance(outcome, out.AttachmentKept)
        return outcome.answer.attachment_id

    def use(self, *attachment_ids: str) -> str:
        """A report that names them; its id."""
        return self.bench.taken(attachment_ids[0], attachments=attachment_ids).report_id

    def erase(self, report_id: str) -> None:
        with self.store.begin() as txn:
            txn.save(Changes(erasures=[Erasure((report_id,), (), self.bench.now)]))

    def names(self) -> set[str]:
        return {path.name for path in self.folder.glob("*/*")}

    def names_of(self, *attachment_ids: str) -> set[str]:
        rows = self.store.attachments(attachment_ids).values()
        return {name for row in rows for name in (row.sha256, row.thumbnail) if name}

    def age(self) -> None:
        """A day passes, for rows and for files."""
        self.bench.now += UNUSED_FOR + timedelta(seconds=1)
        for path in self.folder.glob("*/*"):
            os.utime(path, (time.time() - DAY_S - 1,) * 2)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the pack in it, to begin from."""
    database = tmp_path_factory.mktemp("published") / "liandong.sqlite"
    store = Store.open(f"sqlite:///{database}")
    Bench(store).publish()
    store.close()
    return database


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copyfile(published, tmp_path / "liandong.sqlite")
    made = Place(Store.open(f"sqlite:///{tmp_path / 'liandong.sqlite'}"), tmp_path / "files")
    yield made
    made.keeper.stop()
    made.writer.stop()
    made.store.close()


def test_a_photo_is_kept_with_its_thumbnail_and_a_sound_without(place: Place) -> None:
    picture, sound = place.keep(photo()), place.keep(AMR)
    assert len(place.names_of(picture)) == 2
    assert len(place.names_of(sound)) == 1
    assert place.names() == place.names_of(picture, sound)
    row = place.store.attachments([sound])[sound]
    assert place.keeper.read(row.sha256 or "") == AMR


def test_equal_files_share_their_bytes_and_not_their_ids(place: Place) -> None:
    one, two = place.keep(photo()), place.keep(photo())
    assert one != two
    assert place.names_of(one) == place.names_of(two) == place.names()


def test_a_retry_with_the_same_key_is_the_same_attachment(place: Place) -> None:
    assert place.keep(photo(), "key") == place.keep(photo(), "key")


def test_what_is_refused_leaves_nothing(place: Place) -> None:
    with pytest.raises(FileRefused):
        place.keeper.submit(BytesIO(b"<html>")).result(10)
    assert place.names() == set()


def test_erasing_deletes_the_files(place: Place) -> None:
    picture = place.keep(photo())
    report = place.use(picture)
    assert place.keeper.delete_erased() == 0
    place.erase(report)
    assert place.keeper.delete_erased() == 2
    assert place.names() == set()
    assert place.names_of(picture) == set()
    assert place.keeper.delete_erased() == 0


def test_what_was_erased_is_deleted_when_the_process_ends(place: Place) -> None:
    """A command that erases without a server has no loop."""
    place.erase(place.use(place.keep(photo())))
    place.keeper.stop()
    assert place.names() == set()


def test_erasing_spares_what_another_report_has(place: Place) -> None:
    one, two = place.keep(photo()), place.keep(photo())
    first, second = place.use(one), place.use(two)
    place.erase(first)
    place.keeper.delete_erased()
    assert place.names() == place.names_of(two)
    place.erase(second)
    place.keeper.delete_erased()
    assert place.names() == set()


def test_erasing_spares_what_is_kept_but_not_used_yet(place: Place) -> None:
    report = place.use(place.keep(photo()))
    fresh = place.keep(photo())
    place.erase(report)
    place.keeper.delete_erased()
    assert place.names() == place.names_of(fresh)


def test_what_was_never_used_goes_after_a_day(place: Place) -> None:
    used, unused = place.keep(photo()), place.keep(AMR)
    place.use(used)
    assert place.keeper.sweep(place.bench.now) == 0
    place.age()
    fresh = place.keep(photo("PNG"))
    assert place.keeper.sweep(place.bench.now) == 1
    assert place.names() == place.names_of(used, fresh)
    assert unused not in place.store.attachments([unused])


def test_a_file_whose_process_died_before_its_row_goes_after_a_day(place: Place) -> None:
    place.files.put("ab" * 32, b"nobody knows me")
    (place.folder / "ab" / ("ab" * 32 + ".1234abcd")).write_bytes(b"half")
    assert place.keeper.sweep(place.bench.now) == 0
    place.age()
    assert place.keeper.sweep(place.bench.now) == 2
    assert place.names() == set()


def test_a_photo_sent_again_while_it_is_swept_is_not_lost(place: Place) -> None:
    """The row comes between the look and the deletion: the deleter sees it and puts the file back."""
    place.keep(photo())
    place.age()
    place.store.drop_unused_attachments(place.bench.now)
    sent: list[str] = []
    place.files.before["delete"] = lambda: sent.append(place.keep(photo()))
    place.keeper.sweep(place.bench.now - UNUSED_FOR)
    assert place.names() == place.names_of(*sent)


def test_a_photo_swept_between_its_file_and_its_row_is_put_again(place: Place) -> None:
    """The deletion comes between put and commit: whoever keeps sees it after the commit."""

    def swept() -> None:
        for name in place.names():
            FileFolder(place.folder).delete(name)

    place.files.before["has"] = swept
    picture = place.keep(photo())
    assert place.names() == place.names_of(picture)


def test_a_file_store_that_is_away_costs_nothing_but_the_file(place: Place) -> None:
    place.folder.write_text("no folder")
    with pytest.raises(StoreUnavailable):
        place.keep(photo())
    assert place.bench.taken("1").state == "offered"
    place.folder.unlink()
    assert place.names_of(place.keep(photo()))
