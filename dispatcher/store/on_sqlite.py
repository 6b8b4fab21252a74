"""SQLite: one file, one writing process, WAL with synchronous=FULL; readers never wait and never block."""

import os
import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dispatcher.store.dialect import ADD_WORDS, CHANGED, PARTY_KEY, QUEUE_CHANGED, QUEUE_KEY, Row
from dispatcher.store.errors import Conflict, StoreError, StoreUnavailable

_WAIT_S: Final = 30
_BUSY_MS: Final = 5000
_BRIEFLY_MS: Final = 100
_READERS: Final = 8
# Rewriting a hot page ten times between two checkpoints costs one write instead of ten; the log is then 40 MiB long.
_PAGES_BETWEEN_CHECKPOINTS: Final = 10_000
# It starts anew only at a moment when nobody reads. Where readers overlap all day there is none, it grows for ever and
# each commit walks through it; so from here on the writer waits for those who read just now.
_LONG_LOG_BYTES: Final = 64 * 1_048_576
_AGAIN_S: Final = 10.0
_CACHE_KIB: Final = 65_536
# Each of the readers has its own; the system's cache behind it makes a large one no faster, only dearer.
_READER_CACHE_KIB: Final = 8_192
_AWAY: Final = frozenset({
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
})  # fmt: skip
_TAKEN: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})


class OnSqlite:
    """The dialect of the embedded mode."""

    name = "sqlite"
    driver_errors: type[Exception] = sqlite3.Error
    placeholder = "?"
    join = "CROSS JOIN"  # means: in this order, keys first
    for_update = ""

    def engines(self, url: URL) -> tuple[Engine, Engine]:
        """One connection writes (threads queue for it in the pool instead of polling the file), the others read."""
        os.close(os.open(str(url.database), os.O_CREAT | os.O_RDWR, 0o600))  # personal data: for its owner only
        writer = _engine(url, readers=0, begin="BEGIN IMMEDIATE")
        reader = _engine(url, readers=_READERS, begin="BEGIN")
        return writer, reader

    def check(self, connection: Connection) -> None:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        if (mode, synchronous) != ("wal", 2):
            raise StoreError(f"SQLite runs {mode}, synchronous={synchronous}, not WAL with FULL: a network disk?")

    def keys(self, keys: Sequence[Row], types: tuple[str, ...]) -> tuple[str, Row]:
        size = 1 << (len(keys) - 1).bit_length()
        padded = [*keys, *[(None,) * len(types)] * (size - len(keys))]
        return _values(size, len(types)), tuple(part for key in padded for part in key)

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        connection.exec_driver_sql(_insert(table), list(rows))

    def update_incidents(self, connection: Connection, rows: Sequence[Row]) -> int:
        return connection.exec_driver_sql(_UPDATE_INCIDENTS, list(rows)).rowcount

    def update_queue(self, connection: Connection, rows: Sequence[Row]) -> None:
        connection.exec_driver_sql(_UPDATE_QUEUE, list(rows))

    def delete_parties(self, connection: Connection, rows: Sequence[Row]) -> None:
        connection.exec_driver_sql(_DELETE_PARTIES, list(rows))

    def forget_log(self, engine: Engine) -> bool:
        """Writers wait meanwhile, so readers are waited for 100 ms only."""
        pooled = engine.raw_connection()
        try:
            return _empty_log(pooled.driver_connection)  # type: ignore[arg-type]
        finally:
            pooled.close()

    def file_bytes(self, connection: Connection) -> int | None:
        pages, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
        )
        return int(pages) * int(size)

    def scrub(self, engine: Engine, *, in_memory: bool) -> None:
        """A row that grew or moved leaves a copy in the slack of its old page, which overwriting does not reach."""
        pooled = engine.raw_connection()
        try:
            driver: sqlite3.Connection = pooled.driver_connection  # type: ignore[assignment]
            driver.execute(f"PRAGMA temp_store={'MEMORY' if in_memory else 'FILE'}").close()
            driver.execute("VACUUM").close()
            driver.execute("PRAGMA temp_store=MEMORY").close()
        finally:
            pooled.close()

    def hold_alone(self, connection: Connection) -> None:
        """The file's lock says that nobody else is there."""

    def lock_migration(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE holds it."""

    def lock_journal(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE holds it."""

    def lock_groups(self, connection: Connection, jurisdiction: str, keys: Collection[tuple[str, str]]) -> None:
        """BEGIN IMMEDIATE holds them all."""

    def now(self, connection: Connection) -> datetime:  # noqa: ARG002 (one machine, one clock)
        return datetime.now(UTC)

    def meaning_of(self, error: BaseException) -> type[StoreError] | None:
        if isinstance(error, PoolTimeout):
            return StoreUnavailable
        if not isinstance(error, sqlite3.Error):
            return None
        code: int = getattr(error, "sqlite_errorcode", 0)
        if code in _TAKEN:
            return Conflict
        return StoreUnavailable if code & 0xFF in _AWAY else None


class _Log:
    """The writer's view of its log: emptied before a transaction when it has grown long."""

    def __init__(self, url: URL) -> None:
        self._path = Path(f"{url.database}-wal")
        self._long = _LONG_LOG_BYTES
        self._again_at = 0.0

    def keep_short(self, writer: sqlite3.Connection) -> None:
        """Somebody who reads for minutes must not cost every transaction its 100 ms: then only now and then."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size < self._long and (size < _LONG_LOG_BYTES or time.monotonic() < self._again_at):
            return
        is_empty = False
        with suppress(sqlite3.Error):  # a full disk, say: the transaction will tell
            is_empty = _empty_log(writer)
        self._long = _LONG_LOG_BYTES if is_empty else size + _LONG_LOG_BYTES // 4
        self._again_at = time.monotonic() + _AGAIN_S


def _empty_log(writer: sqlite3.Connection) -> bool:
    """Outside a transaction. False = somebody read on for 100 ms: the log is folded into the file, but still there."""
    writer.execute(f"PRAGMA busy_timeout={_BRIEFLY_MS}").close()
    try:
        return not writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        writer.execute(f"PRAGMA busy_timeout={_BUSY_MS}").close()


def _engine(url: URL, *, readers: int, begin: str) -> Engine:
    log = None if readers else _Log(url)
    engine = create_engine(
        url,
        hide_parameters=True,  # an error must not quote what people wrote
        poolclass=QueuePool,
        pool_size=readers or 1,
        max_overflow=0,
        pool_timeout=_WAIT_S,
        connect_args={
            "isolation_level": None,  # we say BEGIN ourselves; the driver's own ideas about it are off
            "check_same_thread": False,  # the pool hands a connection to one thread at a time
            "cached_statements": 256,
        },
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ANN401, ARG001 (SQLAlchemy's signature)
        for setting in (
            f"busy_timeout={_BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"cache_size=-{_READER_CACHE_KIB if readers else _CACHE_KIB}",
            f"wal_autocheckpoint={_PAGES_BETWEEN_CHECKPOINTS}",
            "temp_store=MEMORY",
            "secure_delete=ON",  # no text lingers where a row was changed; its price could not be measured
            f"query_only={'ON' if readers else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {setting}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if log is not None:
            log.keep_short(connection.connection.driver_connection)  # type: ignore[arg-type]
        connection.exec_driver_sql(begin)

    return engine


@cache
def _insert(table: Table) -> str:
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@cache
def _values(rows: int, columns: int) -> str:
    """A table of that many keys; sizes are powers of two, so that few texts need preparing; NULL matches nothing."""
    row = f"({', '.join('?' * columns)})"
    return f"(VALUES {', '.join([row] * rows)}) AS k"


_UPDATE_INCIDENTS: Final = (
    f"UPDATE incidents SET {', '.join(f'{name} = ?' for name in CHANGED)} WHERE id = ? AND seq = ?"
)
_UPDATE_QUEUE: Final = (
    f"UPDATE queue SET {', '.join(f'{name} = ?' for name in QUEUE_CHANGED[:-1])}, words = {ADD_WORDS.format('?')}"
    f" WHERE {' AND '.join(f'{name} = ?' for name in QUEUE_KEY)}"
)
_DELETE_PARTIES: Final = f"DELETE FROM parties WHERE {' AND '.join(f'{name} = ?' for name in PARTY_KEY)}"
