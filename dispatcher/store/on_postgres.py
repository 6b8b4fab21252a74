"""PostgreSQL 15 or newer by psycopg 3: several processes write, the journal lock makes their commits one order."""

import os
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from hashlib import blake2b
from socket import gethostname
from typing import Any, Final

import msgspec
import psycopg
from sqlalchemy import URL, BigInteger, Connection, Double, Engine, Integer, LargeBinary, Table, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeDecorator

from dispatcher.store.dialect import ADD_WORDS, CHANGED, PARTY_KEY, QUEUE_CHANGED, QUEUE_KEY, Row
from dispatcher.store.errors import Conflict, StoreError, StoreLocked, StoreUnavailable
from dispatcher.store.instants import from_us
from dispatcher.store.tables import incidents, queue

_WRITERS: Final = 4
_READERS: Final = 8
_WAIT_S: Final = 10
_OLDEST: Final = 150_000
# Two-number advisory locks are a space of their own, apart from the one-number locks of the groups.
_LOCK_JOURNAL: Final = "SELECT pg_advisory_xact_lock(231223, 1)"
_LOCK_TABLES: Final = "LOCK TABLE incidents, queue, parties, reports IN SHARE ROW EXCLUSIVE MODE"
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'liandong %%' AND application_name <> current_setting('application_name')"
)
_LOCK_MIGRATION: Final = "SELECT pg_advisory_xact_lock(231223, 2)"
_LOCK_GROUPS: Final = "SELECT pg_advisory_xact_lock(bucket) FROM unnest(%s::int8[]) AS bucket"
# The server has room for about 6,400 locks by default; so many buckets can never fill it, however many writers come.
_GROUP_BUCKETS: Final = 2048
_CONNECT: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms; a server that vanished must not hold the writer for ever
}
# A process that was paused while it held the journal lock is thrown out after 5 s and its batch rolled back.
_SESSION: Final = "-c idle_in_transaction_session_timeout=5000 -c lock_timeout=15000"
# A writer looks up by key only. Left alone, the planner reads whole tables that it knows nothing about yet (young ones,
# and those that grew since it looked): four times the time of a claim's statements at 10,000 incidents.
_BY_KEY: Final = "-c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
_VICTIM: Final = frozenset({"40001", "40P01", "23505"})
_AWAY_CLASSES: Final = frozenset({"08", "53", "57", "58"})  # connection, resources, operator's intervention, disk
_AWAY: Final = frozenset({"25P03", "55P03", "25006"})  # thrown out idle, lock timeout, read-only standby


class OnPostgres:
    """The dialect of the scaled-out mode."""

    name = "postgresql"
    driver_errors: type[Exception] = psycopg.Error
    placeholder = "%s"
    join = "JOIN"
    for_update = " FOR UPDATE OF t"

    def engines(self, url: URL) -> tuple[Engine, Engine]:
        url = url.set(drivername="postgresql+psycopg")
        connect = {**_CONNECT, "application_name": f"liandong {gethostname()[:30]} {os.getpid()}"}  # see _OTHERS
        writer = create_engine(
            url,
            hide_parameters=True,  # an error must not quote what people wrote
            pool_size=_WRITERS,
            max_overflow=_WRITERS,
            pool_timeout=_WAIT_S,
            pool_pre_ping=True,  # 50 µs a batch, and a restarted server costs nobody an error
            isolation_level="READ COMMITTED",
            connect_args={**connect, "options": f"{_SESSION} {_BY_KEY}"},
        )
        reader = create_engine(
            url,
            hide_parameters=True,  # an error must not quote what people wrote
            pool_size=_READERS,
            max_overflow=_READERS,
            pool_timeout=_WAIT_S,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            connect_args={**connect, "options": f"{_SESSION} -c default_transaction_read_only=on"},
        )
        event.listen(writer, "connect", _insist_on_durability)
        return writer, reader

    def check(self, connection: Connection) -> None:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if version < _OLDEST:
            raise StoreError(f"Liandong needs PostgreSQL 15 or newer, this one says {version}")
        if encoding != "UTF8":
            raise StoreError(f"the database is encoded in {encoding}; Liandong needs one created with ENCODING 'UTF8'")

    def keys(self, keys: Sequence[Row], types: tuple[str, ...]) -> tuple[str, Row]:
        arrays = ", ".join(f"%s::{name}[]" for name in types)
        names = ", ".join(f"column{number}" for number in range(1, len(types) + 1))
        return f"unnest({arrays}) AS k({names})", tuple(list(part) for part in zip(*keys, strict=True))

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Binary COPY: half the time of one JSON parameter at 200 rows, and a tenth of executemany's client CPU."""
        statement, types = _copy(table)
        driver: psycopg.Connection[Row] = connection.connection.driver_connection  # type: ignore[assignment]
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            if driver.broken:
                connection.invalidate(error)
            raise

    def update_incidents(self, connection: Connection, rows: Sequence[Row]) -> int:
        columns = (*CHANGED, "id", "expected")
        encoded = msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
        return connection.exec_driver_sql(_UPDATE_INCIDENTS, (encoded,)).rowcount

    def update_queue(self, connection: Connection, rows: Sequence[Row]) -> None:
        columns = (*QUEUE_CHANGED, *(f"was_{name}" for name in QUEUE_KEY))
        encoded = msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
        connection.exec_driver_sql(_UPDATE_QUEUE, (encoded,))

    def delete_parties(self, connection: Connection, rows: Sequence[Row]) -> None:
        item, parameters = self.keys(rows, ("text",) * len(PARTY_KEY))
        connection.exec_driver_sql(f"DELETE FROM parties USING {item} WHERE {_SAME_PARTY}", parameters)

    def forget_log(self, engine: Engine) -> bool:  # noqa: ARG002 (the server's own affair)
        return True

    def file_bytes(self, connection: Connection) -> int | None:  # noqa: ARG002 (the server's own affair)
        return None

    def scrub(self, engine: Engine, *, in_memory: bool) -> None:
        """VACUUM does, by itself or told to; the server's log keeps what was, as long as it is kept."""

    def hold_alone(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        others = connection.exec_driver_sql(_OTHERS).scalar_one()
        if others:
            raise StoreLocked(f"other Liandong processes are connected to this database ({others} connections)")
        connection.exec_driver_sql(_LOCK_TABLES)
        self.lock_journal(connection)

    def lock_migration(self, connection: Connection) -> None:
        connection.exec_driver_sql(_LOCK_MIGRATION)

    def lock_journal(self, connection: Connection) -> None:
        """In a statement of its own: the next one sees what the holder before us committed."""
        connection.exec_driver_sql(_LOCK_JOURNAL)

    def lock_groups(self, connection: Connection, jurisdiction: str, keys: Collection[tuple[str, str]]) -> None:
        buckets = sorted({_bucket(jurisdiction, *key) for key in keys})
        connection.exec_driver_sql(_LOCK_GROUPS, (buckets,))

    def now(self, connection: Connection) -> datetime:
        us = connection.exec_driver_sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8").scalar_one()
        return from_us(us)

    def meaning_of(self, error: BaseException) -> type[StoreError] | None:
        if isinstance(error, PoolTimeout):
            return StoreUnavailable
        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate
        if state is None:  # the driver speaks, not the server: the line is gone, or never came to be
            return StoreUnavailable if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
        if state in _VICTIM:
            return Conflict
        return StoreUnavailable if state in _AWAY or state[:2] in _AWAY_CLASSES else None


def _insist_on_durability(connection: psycopg.Connection[Row], record: Any) -> None:  # noqa: ANN401, ARG001 (SQLAlchemy's)
    """An acknowledged report must be on disk, whatever the server's default says; stronger settings stay."""
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _bucket(*words: str) -> int:
    digest = blake2b("\0".join(words).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % _GROUP_BUCKETS


@cache
def _copy(table: Table) -> tuple[str, list[str]]:
    names = ", ".join(column.name for column in table.columns)
    statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
    return statement, [_type_name(column.type) for column in table.columns]


def _type_name(kind: Any) -> str:  # noqa: ANN401 (any column type)
    if isinstance(kind, TypeDecorator):
        kind = kind.impl
    names = ((BigInteger, "int8"), (Integer, "int4"), (Double, "float8"), (LargeBinary, "bytea"))
    return next((name for types, name in names if isinstance(kind, types)), "text")


def _update_incidents() -> str:
    kinds = {name: _type_name(incidents.c[name].type) for name in CHANGED}
    given = ", ".join(f"{name} {'text' if kind == 'bytea' else kind}" for name, kind in kinds.items())
    taken = ", ".join(
        f"{name} = {f'decode(r.{name}, {chr(39)}base64{chr(39)})' if kind == 'bytea' else f'r.{name}'}"
        for name, kind in kinds.items()
    )
    return (
        f"UPDATE incidents SET {taken}"
        f" FROM json_to_recordset(%s::json) AS r({given}, id text, expected int4)"
        " WHERE incidents.id = r.id AND incidents.seq = r.expected"
    )


def _update_queue() -> str:
    kinds = {name: _type_name(queue.c[name].type) for name in QUEUE_CHANGED}
    kinds |= {f"was_{name}": _type_name(queue.c[name].type) for name in QUEUE_KEY}
    given = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    taken = ", ".join(f"{name} = r.{name}" for name in QUEUE_CHANGED[:-1])
    same = " AND ".join(f"queue.{name} = r.was_{name}" for name in QUEUE_KEY)
    return (
        f"UPDATE queue SET {taken}, words = {ADD_WORDS.format('r.words')}"
        f" FROM json_to_recordset(%s::json) AS r({given}) WHERE {same}"
    )


_UPDATE_QUEUE: Final = _update_queue()
_UPDATE_INCIDENTS: Final = _update_incidents()
_SAME_PARTY: Final = " AND ".join(f"parties.{name} = k.column{n}" for n, name in enumerate(PARTY_KEY, start=1))
