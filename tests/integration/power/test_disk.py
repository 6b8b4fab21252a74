"""The disk itself: what is synced stays, whatever is not may go, and nothing else happens."""

from __future__ import annotations

import random

from tests.integration.power.disk import (
    SECTOR,
    Deleted,
    Disk,
    Event,
    FolderMade,
    FolderSynced,
    Image,
    Opened,
    Renamed,
    Synced,
    SyncFailed,
    Truncated,
    Written,
)

_OLD = b"o" * 3 * SECTOR
_NEW = b"n" * 3 * SECTOR


def _images(*events: Event, before: Image | None = None) -> list[Image]:
    """What many cuts after these events leave."""
    disk = Disk(before or {})
    for event in events:
        disk.happen(event)
    return [disk.cut(random.Random(seed)) for seed in range(300)]  # noqa: S311 - a test's dice


def test_what_was_synced_stays() -> None:
    images = _images(Opened("f"), Written("f", 0, _NEW), Synced("f", 2), FolderSynced(""))
    assert all(image == {"f": _NEW} for image in images)


def test_a_file_whose_folder_was_not_synced_may_be_gone() -> None:
    images = _images(Opened("f"), Written("f", 0, _NEW), Synced("f", 2))
    assert {frozenset(image) for image in images} == {frozenset(), frozenset({"f"})}


def test_an_overwrite_not_synced_is_old_new_or_torn_between_sectors() -> None:
    contents = {image["f"] for image in _images(Written("f", 0, _NEW), before={"f": _OLD})}
    assert {_OLD, _NEW} < contents
    assert all(content[at : at + SECTOR] in {_OLD[:SECTOR], _NEW[:SECTOR]} for content in contents for at in (0, 512))


def test_a_write_past_the_end_may_leave_rubbish_or_nothing() -> None:
    contents = {image["f"] for image in _images(Written("f", len(_OLD), _NEW), before={"f": _OLD})}
    assert all(content.startswith(_OLD) for content in contents)
    assert {len(content) for content in contents} >= {len(_OLD), len(_OLD) + len(_NEW)}
    assert any(content.strip(b"on\x00") for content in contents), "no rubbish"


def test_a_write_while_the_sync_ran_is_not_covered_by_it() -> None:
    images = _images(Written("f", 0, b"a"), Written("f", 1, b"b"), Synced("f", 1), before={"f": b""})
    assert {image["f"] for image in images if len(image["f"]) == 1} == {b"a"}


def test_what_a_failed_sync_was_to_keep_is_gone_even_after_the_next() -> None:
    events = (Written("f", 0, _NEW), SyncFailed("f"), Written("f", 0, b"x"), Synced("f", 3))
    assert all(image == {"f": b"x" + _OLD[1:]} for image in _images(*events, before={"f": _OLD}))


def test_truncating_and_deleting_may_not_have_happened() -> None:
    assert {len(image["f"]) for image in _images(Truncated("f", 1), before={"f": _OLD})} == {1, len(_OLD)}
    assert {frozenset(image) for image in _images(Deleted("f"), before={"f": _OLD})} == {frozenset(), frozenset({"f"})}


def test_a_rename_is_whole_and_may_not_have_happened() -> None:
    moved: list[Event] = [Written("t", 0, _NEW), Synced("t", 1), Renamed("t", "f")]
    assert {frozenset(image) for image in _images(*moved, before={"t": b""})} == {frozenset("t"), frozenset("f")}
    assert all(image == {"f": _NEW} for image in _images(*moved, FolderSynced(""), before={"t": b""}))


def test_a_file_in_a_folder_that_is_not_there_is_not_there() -> None:
    opened = (Opened("d/f"), Written("d/f", 0, _NEW))
    made: list[Event] = [FolderMade("d"), *opened, Synced("d/f", 3), FolderSynced("d")]
    assert {} in _images(*made)
    assert all(image == {"d/f": _NEW} for image in _images(*made, FolderSynced("")))
