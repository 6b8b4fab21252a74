"""Folders that are still there after a power cut, and small files that are written anew.

A name is durable once the folder it is in was synced.
"""

import os
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make it and what is missing above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    with suppress(FileExistsError):  # somebody else was faster
        folder.mkdir(mode)
    sync_folder(folder.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Whole or not at all, however the process ends, and for its owner only. Not synced: a power cut may tear it."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in it durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
