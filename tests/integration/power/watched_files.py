"""Watches what Python code asks of files below a folder, by taking the place of the few calls of `os` that matter.

What was written is seen when it is synced, or when the file gets its name; what is never either is never seen, which is
as if it had never reached the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.integration.power.disk import Deleted, FolderMade, FolderSynced, Opened, Recorder, Renamed, Synced, Written


class _WatchedFiles:
    def __init__(self, recorder: Recorder, folder: Path) -> None:
        self._recorder = recorder
        self._folder = folder
        self._real = {name: getattr(os, name) for name in ("fsync", "mkdir", "replace", "unlink")}

    def _name(self, path: Any) -> str | None:
        """Relative to the folder; None = outside, or SQLite's, which is watched elsewhere."""
        file = Path(os.fsdecode(path)).absolute()
        if not file.is_relative_to(self._folder) or (file.parent == self._folder and file.name.startswith("liandong")):
            return None
        return "" if file == self._folder else str(file.relative_to(self._folder))

    def mkdir(self, path: Any, *more: Any, **named: Any) -> None:
        self._real["mkdir"](path, *more, **named)
        if name := self._name(path):
            self._recorder.note(FolderMade(name))

    def fsync(self, descriptor: int) -> None:
        name = self._name(Path(f"/proc/self/fd/{descriptor}").readlink())
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if name is not None and not is_folder:
            self._written(name)
        began = len(self._recorder.events)
        self._real["fsync"](descriptor)
        if name is not None:
            self._recorder.note(FolderSynced(name) if is_folder else Synced(name, began))

    def replace(self, source: Any, target: Any, **named: Any) -> None:
        before, after = self._name(source), self._name(target)
        if before is not None:
            self._written(before)
        self._real["replace"](source, target, **named)
        if before is not None and after is not None:
            self._recorder.note(Renamed(before, after))

    def unlink(self, path: Any, *more: Any, **named: Any) -> None:
        self._real["unlink"](path, *more, **named)
        if (name := self._name(path)) is not None:
            self._recorder.note(Deleted(name))

    def _written(self, name: str) -> None:
        """All that is in it by now."""
        self._recorder.note(Opened(name))
        self._recorder.note(Written(name, 0, (self._folder / name).read_bytes()))


@contextmanager
def watching_files(recorder: Recorder, folder: Path) -> Iterator[None]:
    """Files of this process below `folder`, while the block lasts."""
    watched = _WatchedFiles(recorder, folder)
    with (
        patch.object(os, "mkdir", watched.mkdir),
        patch.object(os, "fsync", watched.fsync),
        patch.object(os, "replace", watched.replace),
        patch.object(os, "unlink", watched.unlink),
    ):
        yield
