"""Dedupe keys that are too old to be asked for again go, a few at a time, oldest first."""

from typing import Final

from sqlalchemy import Connection

from dispatcher.store.dialect import Dialect

# SQLite numbers rows as they come and PostgreSQL lays them down so: the oldest are found at the front, without an index
# that every report would have to pay for. A young row at the front (a replay of old files) only makes this stop early.
_ON_SQLITE: Final = (
    "DELETE FROM {0} WHERE rowid IN"
    " (SELECT rowid FROM (SELECT rowid, at FROM {0} ORDER BY rowid LIMIT {1}) WHERE at < ?)"
)
_ON_POSTGRES: Final = (
    "DELETE FROM {0} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {0} WHERE at < %s LIMIT {1} FOR UPDATE SKIP LOCKED))"
)
_TABLES: Final = ("reports", "commands")


def purge(connection: Connection, dialect: Dialect, before_us: int, limit: int) -> int:
    """Delete at most `limit` keys of reports and as many of commands that were taken before; returns how many."""
    statement = _ON_SQLITE if dialect.name == "sqlite" else _ON_POSTGRES
    return sum(
        connection.exec_driver_sql(statement.format(table, int(limit)), (before_us,)).rowcount for table in _TABLES
    )
