"""Files on their way in and out of the file store, in step with the rows that need them.

A row never comes before its file. A file is deleted only while no row needs it: whoever deletes looks before and after,
and puts it back when somebody came in between; whoever keeps looks once more after the commit. So no lock is needed,
not even between machines.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import IO, Final

from dispatcher.attachments import Cleaned, clean
from dispatcher.service.writer import Writer
from dispatcher.store import Store, StoreError, StoreUnavailable
from dispatcher.store.files import FileStore
from schemas import outcomes as out
from schemas.commands import KeepAttachment

MAX_FILE_BYTES: Final = 10 * 1_048_576
UNUSED_FOR: Final = timedelta(hours=24)
_AT_ONCE: Final = 500


class FileKeeper:
    """Safe to share between threads. Files are cleaned in one thread, one after another: a picture may need 400 MiB."""

    def __init__(self, store: Store, writer: Writer, files: FileStore) -> None:
        self._store = store
        self._writer = writer
        self._files = files
        self._cleaning = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cleaning")

    def stop(self) -> None:
        """Finish what was begun, before the writer stops, and delete what was erased meanwhile."""
        self._cleaning.shutdown()
        with suppress(OSError, StoreError):  # the next process does it
            self.delete_erased()

    def submit(self, file: IO[bytes], command_id: str | None = None, sender: str = "local") -> "Future[out.Outcome]":
        """Clean a file and keep it; that it has at most MAX_FILE_BYTES is for the door to see.

        `command_id`: a retry with the same one is harmless. The future raises FileRefused when it is none of what we
        take, StoreUnavailable when nothing was kept.
        """
        return self._cleaning.submit(self._keep, file, command_id, sender)

    def read(self, name: str) -> bytes | None:
        """Raises StoreUnavailable when the file store is away."""
        with _unavailable():
            return self._files.read(name)

    def _keep(self, file: IO[bytes], command_id: str | None, sender: str) -> out.Outcome:
        file.seek(0)
        cleaned = clean(file.read())
        contents = {_name(content): content for content in (cleaned.content, cleaned.thumbnail) if content is not None}
        with _unavailable():
            for name, content in contents.items():
                self._files.put(name, content)
        outcome = self._writer.submit([_command(cleaned, command_id, sender)]).result()[0]
        with _unavailable():
            for name, content in contents.items():
                if not self._files.has(name):  # somebody swept who had not seen our row
                    self._files.put(name, content)
        return outcome

    def delete_erased(self) -> int:
        """Delete the files of erased attachments, unless others have the same; returns how many were looked at."""
        names = self._store.erased_files(_AT_ONCE)
        self._delete(names)
        if names:
            self._store.forget_files(names)
        return len(names)

    def sweep(self, now: datetime) -> int:
        """Forget what was sent a day ago and never used, then delete files that no row needs; returns how many."""
        self._store.drop_unused_attachments(now - UNUSED_FOR)
        count, old = 0, self._files.older_than(UNUSED_FOR)
        while names := list(islice(old, _AT_ONCE)):
            count += self._delete(names)
        return count

    def _delete(self, names: Iterable[str]) -> int:
        wanted = set(names)
        unneeded = wanted - self._store.needed_files(wanted)
        for name in unneeded:
            content = self._files.read(name)
            self._files.delete(name)
            if content is not None and self._store.needed_files([name]):
                self._files.put(name, content)
        return len(unneeded)


def _command(cleaned: Cleaned, command_id: str | None, sender: str) -> KeepAttachment:
    return KeepAttachment(
        media_type=cleaned.media_type,
        size=len(cleaned.content),
        sha256=_name(cleaned.content),
        thumbnail=None if cleaned.thumbnail is None else _name(cleaned.thumbnail),
        width=cleaned.width,
        height=cleaned.height,
        sender=sender,
        command_id=command_id,
    )


def _name(content: bytes) -> str:
    return sha256(content).hexdigest()


@contextmanager
def _unavailable() -> Iterator[None]:
    """Nothing was acknowledged: the same to a caller as when the database is away."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"the file store cannot be used: {type(error).__name__}") from error
