"""A disk whose power is cut: what was synced is there, of everything else any part may be there, be gone, or be torn.

The model is as unkind as the standard allows: writes that were not synced reach the disk in any order and in pieces of
a sector; what lay beyond the old end may be zeros or rubbish; a new, removed or renamed name holds only once its folder
was synced. Sectors that were not written keep what they held, which is what SQLite relies on, too.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

SECTOR: Final = 512


class Opened(NamedTuple):
    name: str


class Written(NamedTuple):
    name: str
    offset: int
    content: bytes


class Truncated(NamedTuple):
    name: str
    size: int


class Synced(NamedTuple):
    """`began` = index of the event before which the sync was asked for: later writes are not covered."""

    name: str
    began: int


class SyncFailed(NamedTuple):
    """The kernel may have thrown away what was to be synced, and call the file clean: this disk does."""

    name: str


class Deleted(NamedTuple):
    name: str


class Renamed(NamedTuple):
    name: str
    to: str


class FolderMade(NamedTuple):
    name: str


class FolderSynced(NamedTuple):
    name: str


class Acknowledged(NamedTuple):
    """Something left the machine at this moment: it must hold from here on."""

    what: Any


Event = (
    Opened | Written | Truncated | Synced | SyncFailed | Deleted | Renamed | FolderMade | FolderSynced | Acknowledged
)
Image = dict[str, bytes]  # by name; what the disk holds after the cut


class Recorder:
    """All that happened, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._writing = threading.Lock()

    def note(self, event: Event) -> None:
        with self._writing:
            self.events.append(event)

    def fails(self, step: str, name: str) -> int:  # noqa: ARG002 - a disk without faults
        return 0

    def opened(self, name: str) -> None:
        self.note(Opened(name))

    def written(self, name: str, offset: int, content: bytes) -> None:
        self.note(Written(name, offset, content))

    def truncated(self, name: str, size: int) -> None:
        self.note(Truncated(name, size))

    def sync_began(self, name: str) -> int:  # noqa: ARG002 - of whichever file
        return len(self.events)

    def synced(self, name: str, began: int) -> None:
        self.note(Synced(name, began))

    def sync_failed(self, name: str) -> None:
        self.note(SyncFailed(name))

    def folder_synced(self, folder: str) -> None:
        self.note(FolderSynced(folder))

    def deleted(self, name: str) -> None:
        self.note(Deleted(name))


@dataclass(eq=False)
class _Content:
    """What one file holds for certain, and what was done to it since."""

    certain: bytes = b""
    pending: list[tuple[int, Written | Truncated]] = field(default_factory=list)

    def sync(self, began: int) -> None:
        covered = [change for index, change in self.pending if index < began]
        self.pending = [change for change in self.pending if change[0] >= began]
        self.certain = applied(self.certain, covered)


_Names = dict[str, _Content | None]  # None = a folder
_Change = dict[str, "_Content | Gone | None"]


class Gone:
    """A name that was taken away."""


GONE: Final = Gone()


class Disk:
    """The events of one life, one after the other; `cut` says what would be left at this moment."""

    def __init__(self, image: Mapping[str, bytes]) -> None:
        self._certain: _Names = {"": None} | {name: _Content(content) for name, content in image.items()}
        for name in image:
            self._certain |= {str(folder): None for folder in PurePosixPath(name).parents if str(folder) != "."}
        self._now: _Names = dict(self._certain)
        self._changes: list[_Change] = []
        self._count = 0

    def happen(self, event: Event) -> None:
        index, self._count = self._count, self._count + 1
        match event:
            case Opened(name) if name not in self._now:
                self._change({name: _Content()})
            case Written(name) | Truncated(name):
                self._content(name).pending.append((index, event))
            case Synced(name, began):
                self._content(name).sync(began)
            case SyncFailed(name):
                self._content(name).pending.clear()
            case Deleted(name) if name in self._now:
                self._change({name: GONE})
            case Renamed(name, to):
                self._change({to: self._content(name), name: GONE})
            case FolderMade(name) if name not in self._now:
                self._change({name: None})
            case FolderSynced(folder):
                self._sync_folder(folder)
            case _:
                pass

    @property
    def at_risk_count(self) -> int:
        """Changes that a cut at this moment may undo."""
        contents = {id(content): content for content in self._now.values() if content is not None}
        return len(self._changes) + sum(len(content.pending) for content in contents.values())

    def cut(self, dice: random.Random) -> Image:
        """One of the many images that may be left."""
        names = dict(self._certain)
        keep = dice.choice((0.0, 0.5, 1.0))
        for change in self._changes:
            if dice.random() < keep:
                _apply(names, change)
        kindness = _Kindness(dice)
        return {
            name: kindness.content(content.certain, [change for _, change in content.pending])
            for name, content in sorted(names.items())
            if content is not None and all(str(folder) in names for folder in _folders_of(name))
        }

    def _content(self, name: str) -> _Content:
        found = self._now[name]
        assert found is not None, f"{name} is a folder"
        return found

    def _change(self, change: _Change) -> None:
        _apply(self._now, change)
        self._changes.append(change)

    def _sync_folder(self, folder: str) -> None:
        """Names in this folder; a rename counts where the new name is."""
        left: list[_Change] = []
        for change in self._changes:
            if _folder_of(next(iter(change))) == folder:
                _apply(self._certain, change)
            else:
                left.append(change)
        self._changes = left


def cuts_of(
    events: Sequence[Event], before: Image, places: Collection[int], dice: random.Random
) -> Iterator[tuple[int, Disk, Image, list[Any]]]:
    """For each place (before that event, or at the end): the disk, what a cut leaves of it, what was acknowledged."""
    disk, known = Disk(before), list[Any]()
    for place in range(len(events) + 1):
        if place in places:
            yield place, disk, disk.cut(dice), list(known)
        if place < len(events):
            event = events[place]
            disk.happen(event)
            if isinstance(event, Acknowledged):
                known.append(event.what)


def _folder_of(name: str) -> str:
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent


def _folders_of(name: str) -> Iterator[str]:
    while name:
        name = _folder_of(name)
        yield name


def _apply(names: _Names, change: _Change) -> None:
    for name, content in change.items():
        if isinstance(content, Gone):
            names.pop(name, None)
        else:
            names[name] = content


def applied(before: bytes, changes: Iterable[Written | Truncated]) -> bytes:
    """Everything that was asked for, in order."""
    content = bytearray(before)
    for change in changes:
        if isinstance(change, Truncated):
            _resize(content, change.size)
        else:
            _put(content, change.offset, change.content)
    return bytes(content)


def _put(content: bytearray, offset: int, piece: bytes) -> None:
    if len(content) < offset:
        _resize(content, offset)
    content[offset : offset + len(piece)] = piece


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


class _Kindness:
    """How one cut treats what was not synced: drawn once, so that extreme disks occur, too."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._keep = dice.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        self._in_order = dice.random() < 0.25
        self._torn = dice.random() < 0.7
        self._rubbish = dice.random() < 0.5

    def content(self, certain: bytes, pending: list[Written | Truncated]) -> bytes:
        if self._in_order:
            pending = pending[: self._dice.randint(0, len(pending))]
            return applied(certain, pending)
        content = bytearray(certain)
        for change in pending:
            if isinstance(change, Truncated):
                if self._dice.random() < self._keep:
                    _resize(content, change.size)
            else:
                self._put(content, change)
        return bytes(content)

    def _put(self, content: bytearray, change: Written) -> None:
        kept = self._dice.random() < self._keep
        for offset, piece in _sectors(change) if self._torn else [(change.offset, change.content)]:
            if self._dice.random() < self._keep if self._torn else kept:
                _put(content, offset, piece)
            elif self._rubbish and offset >= len(content) and self._dice.random() < 0.5:
                _put(content, offset, self._dice.randbytes(len(piece)))


def _sectors(change: Written) -> Iterator[tuple[int, bytes]]:
    """The write in pieces, none of which crosses from one sector into the next."""
    start, end = change.offset, change.offset + len(change.content)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        yield start, change.content[start - change.offset : stop - change.offset]
        start = stop
