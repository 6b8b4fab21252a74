"""Watches what the product's own SQLite library asks of the file system: every write, truncate, sync, create, delete.

No second SQLite and no second driver: a VFS of a few functions is registered, by ctypes, in the very libsqlite3 that
`sqlite3` is linked to. It tells a `Watcher` and calls the real VFS. Connections opened inside `watching` go through it.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from pathlib import Path
from typing import Any, Final, Protocol

OK: Final = 0
IOERR_WRITE: Final = 10 | 3 << 8
IOERR_FSYNC: Final = 10 | 4 << 8
FULL: Final = 13
_CREATE: Final = 0x4
_SHARED_MEMORY: Final = "-shm"  # never durable, never needed: rebuilt from the log


class Watcher(Protocol):
    """Told in the thread that does it, once it is done; before, `fails` may refuse it with a code of SQLite's."""

    def fails(self, step: str, name: str) -> int: ...
    def opened(self, name: str) -> None: ...
    def written(self, name: str, offset: int, content: bytes) -> None: ...
    def truncated(self, name: str, size: int) -> None: ...
    def sync_began(self, name: str) -> int: ...
    def synced(self, name: str, began: int) -> None: ...
    def sync_failed(self, name: str) -> None: ...
    def folder_synced(self, folder: str) -> None: ...
    def deleted(self, name: str) -> None: ...


# ── SQLite's structures, as far as they are touched ───────────────────────────────────────────────
_CLOSE = CFUNCTYPE(c_int, c_void_p)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_OPEN_FOLDER = CFUNCTYPE(c_int, c_char_p, POINTER(c_int))


class _Methods(Structure):
    _fields_ = (
        ("version", c_int),
        ("close", _CLOSE),
        ("read", c_void_p),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("rest", c_void_p * 13),
    )


class _File(Structure):
    _fields_ = (("methods", POINTER(_Methods)),)


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("access", c_void_p),
        ("rest", c_void_p * 10),
        ("set_system_call", CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)),
        ("get_system_call", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
        ("next_system_call", c_void_p),
    )


def _library() -> ctypes.CDLL:
    """The library that `sqlite3` itself uses."""
    loaded = {
        line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines() if "/" in line
    }
    found = next((path for path in loaded if "libsqlite3" in Path(path).name), _sqlite3.__file__)
    library = ctypes.CDLL(found)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [POINTER(_Vfs), c_int]
    library.sqlite3_vfs_unregister.argtypes = [POINTER(_Vfs)]
    return library


class _WatchedVfs:
    """The real VFS with five functions exchanged. Lives as long as connections made through it."""

    def __init__(self, library: ctypes.CDLL, watcher: Watcher, folder: Path) -> None:
        self._watcher = watcher
        self._folder = folder
        self._real: Any = library.sqlite3_vfs_find(None)
        self._names: dict[int, str] = {}
        self._methods: dict[int, tuple[_Methods, Any]] = {}
        self._kept: list[object] = []  # ctypes forgets nothing that is still called
        self.vfs = _Vfs()
        ctypes.pointer(self.vfs)[0] = self._real.contents
        self.vfs.name = b"watched"
        self.vfs.open, self.vfs.delete = self._keep(_OPEN(self._open)), self._keep(_DELETE(self._delete))
        self._watch_folders()

    def _keep(self, function: Any) -> Any:
        self._kept.append(function)
        return function

    def _name(self, path: bytes | None) -> str | None:
        """Of a file that a power cut could harm, in the folder that is watched."""
        if path is None:
            return None
        file = Path(os.fsdecode(path))
        return file.name if file.parent == self._folder and not file.name.endswith(_SHARED_MEMORY) else None

    def _watch_folders(self) -> None:
        """SQLite syncs a folder by opening it with this call and syncing what it got."""
        real = self._real.contents.get_system_call(self._real, b"openDirectory")
        call = _OPEN_FOLDER(real)

        def open_folder(path: bytes, handle: Any) -> int:
            self._watcher.folder_synced("")
            return int(call(path, handle))

        self._real.contents.set_system_call(
            self._real, b"openDirectory", cast(self._keep(_OPEN_FOLDER(open_folder)), c_void_p)
        )

    def restore(self) -> None:
        self._real.contents.set_system_call(self._real, b"openDirectory", None)

    # ── the VFS ──────────────────────────────────────────────────────────────────────────────────
    def _open(self, _vfs: int, path: int, file: int, flags: int, out_flags: int) -> int:
        name = self._name(cast(path, c_char_p).value) if path else None
        is_new = name is not None and flags & _CREATE and not (self._folder / name).exists()
        if name is not None and is_new and (code := self._watcher.fails("create", name)):
            cast(file, POINTER(_File)).contents.methods = POINTER(_Methods)()
            return code
        code = int(self._real.contents.open(self._real, path, file, flags, out_flags))
        if code == OK and name is not None:
            self._names[file] = name
            self._exchange(cast(file, POINTER(_File)))
            self._watcher.opened(name)
        return code

    def _delete(self, _vfs: int, path: bytes, sync_folder: int) -> int:
        name = self._name(path)
        code = int(self._real.contents.delete(self._real, path, sync_folder))
        if name is not None and code == OK:
            self._watcher.deleted(name)
        return code

    def _exchange(self, file: Any) -> None:
        real = file.contents.methods
        address = ctypes.addressof(real.contents)
        if address not in self._methods:
            mine = _Methods()
            ctypes.pointer(mine)[0] = real.contents
            mine.write = self._keep(_WRITE(self._write(real.contents.write)))
            mine.truncate = self._keep(_TRUNCATE(self._truncate(real.contents.truncate)))
            mine.sync = self._keep(_SYNC(self._sync(real.contents.sync)))
            self._methods[address] = (mine, ctypes.pointer(mine))
        file.contents.methods = self._methods[address][1]

    # ── a file ───────────────────────────────────────────────────────────────────────────────────
    def _write(self, real: Callable[..., int]) -> Callable[..., int]:
        def write(file: int, content: int, size: int, offset: int) -> int:
            name = self._names[file]
            code = self._watcher.fails("write", name) or real(file, content, size, offset)
            if code == OK:
                self._watcher.written(name, offset, ctypes.string_at(content, size))
            return code

        return write

    def _truncate(self, real: Callable[..., int]) -> Callable[..., int]:
        def truncate(file: int, size: int) -> int:
            code = self._watcher.fails("truncate", self._names[file]) or real(file, size)
            if code == OK:
                self._watcher.truncated(self._names[file], size)
            return code

        return truncate

    def _sync(self, real: Callable[..., int]) -> Callable[..., int]:
        def sync(file: int, flags: int) -> int:
            name = self._names[file]
            began = self._watcher.sync_began(name)
            code = self._watcher.fails("sync", name) or real(file, flags)
            if code == OK:
                self._watcher.synced(name, began)
            else:
                self._watcher.sync_failed(name)
            return code

        return sync


_every_vfs: list[_WatchedVfs] = []  # a connection may outlive its block


@contextmanager
def watching(watcher: Watcher, folder: Path) -> Iterator[None]:
    """SQLite connections opened in this block, to files right in this folder, are watched for all their life."""
    library = _library()
    watched = _WatchedVfs(library, watcher, folder)
    _every_vfs.append(watched)
    real = library.sqlite3_vfs_find(None)
    assert library.sqlite3_vfs_register(ctypes.byref(watched.vfs), 1) == OK
    try:
        yield
    finally:
        library.sqlite3_vfs_register(real, 1)
        library.sqlite3_vfs_unregister(ctypes.byref(watched.vfs))
        watched.restore()
