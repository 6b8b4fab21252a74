"""Attachments' bytes, by the hash of what they hold. Which ones are needed the table `attachments` knows, nobody else.

A name is written once and never changed, so writing it again is harmless, and two attachments of equal bytes share it.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from dispatcher.store.folders import make_folder, sync_folder


class FileStore(Protocol):
    """A place for whole files of a few MiB. Every method raises OSError when the place cannot be reached or is full."""

    def put(self, name: str, content: bytes) -> None:
        """Keep it; on return it is durable, and its age begins anew."""

    def read(self, name: str) -> bytes | None:
        """None = there is none."""

    def has(self, name: str) -> bool: ...

    def delete(self, name: str) -> None:
        """Also when it is not there."""

    def older_than(self, age: timedelta) -> Iterator[str]:
        """Names put longer ago, by the place's own clock; what a broken-off `put` left behind is among them."""


class FileFolder:
    """A folder of this machine, `aa/` below it for names that begin with aa."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_durable = False

    def put(self, name: str, content: bytes) -> None:
        path = self._path(name)
        make_folder(path.parent, 0o700)
        fresh = path.with_name(f"{name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
        sync_folder(path.parent)
        sync_folder(self._folder)  # another process may have made `aa/` a moment ago
        if not self._is_durable:  # or the folder itself
            sync_folder(self._folder.parent)
            self._is_durable = True

    def read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return self._path(name).is_file()

    def delete(self, name: str) -> None:
        path = self._path(name)
        path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            sync_folder(path.parent)

    def older_than(self, age: timedelta) -> Iterator[str]:
        before = time.time() - age.total_seconds()
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):  # deleted since it was listed
                if path.stat().st_mtime < before:
                    yield path.name

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name
