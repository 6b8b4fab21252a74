"""One writing process per SQLite file, said by a lock of the operating system on the file beside it."""

import fcntl
import os
from pathlib import Path

from dispatcher.store.errors import StoreLocked


class FileLock:
    """Held from construction to `release`, or to the death of the process, however it dies."""

    def __init__(self, database: Path) -> None:
        """Raise StoreLocked when another process (or another store of this one) holds it."""
        self.path = database.with_name(f"{database.name}.lock")
        self._handle = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise StoreLocked(f"another Liandong process (pid {holder}) holds {database}") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._handle)
