"""One real server for all processes of a test run: the first that needs it starts it and ends it after the last."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def shared_part(folder: Path, name: str, start: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of the part called `name`, started by `start` when no other process of this run has it.

    `folder` is common to the run. Every user holds a shared lock, which the kernel frees even when a process is
    killed; the owner waits for the exclusive one before it stops the part.
    """
    address = folder / f"{name}.address"
    with (folder / f"{name}.users.lock").open("w") as users, (folder / f"{name}.start.lock").open("w") as starting:
        with _locked(starting):
            if address.exists():
                part = None
                said = address.read_text(encoding="utf-8")
            else:
                part = start()
                said = part.__enter__()
                address.write_text(said, encoding="utf-8")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield said
        finally:
            if part is not None:
                _stop_after_the_last_user(part, address, users, starting)


def _stop_after_the_last_user(
    part: AbstractContextManager[str], address: Path, users: IO[str], starting: IO[str]
) -> None:
    with _locked(starting):  # whoever comes now starts a part of its own
        address.unlink()
    fcntl.flock(users, fcntl.LOCK_UN)
    fcntl.flock(users, fcntl.LOCK_EX)
    part.__exit__(None, None, None)


@contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
