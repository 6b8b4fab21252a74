"""What SQLite and PostgreSQL do differently; everything else in this room is written once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dispatcher.store.errors import StatementFailed, StoreError, StoreUnavailable

Row = tuple[Any, ...]


class Dialect(Protocol):
    """One instance per store. Rows are tuples in the order of `table.columns`, instants already in microseconds."""

    name: str
    driver_errors: type[Exception]
    placeholder: str
    join: str  # between a FROM item of keys and a table
    for_update: str  # appended to a SELECT whose table is called `t`

    def engines(self, url: URL) -> tuple[Engine, Engine]:
        """The writer's and the readers' engine. A transaction of the readers' is one snapshot and cannot write."""

    def check(self, connection: Connection) -> None:
        """Raise StoreError when this database cannot keep our promises (durability, UTF-8)."""

    def keys(self, keys: Sequence[Row], types: tuple[str, ...]) -> tuple[str, Row]:
        """A FROM item of these keys with columns column1, column2 …, and its parameters."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert all rows in one go."""

    def update_incidents(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Rows of `CHANGED` columns, then id and expected seq; returns how many were found in that version."""

    def update_queue(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Rows of `QUEUE_CHANGED` columns, then the primary key as it was."""

    def delete_parties(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Delete by primary key."""

    def forget_log(self, engine: Engine) -> bool:
        """Fold the log of past transactions into the file and cut it off; False = somebody still reads from it."""

    def file_bytes(self, connection: Connection) -> int | None:
        """Size of the database file, None = not ours to know."""

    def scrub(self, engine: Engine, *, in_memory: bool) -> None:
        """Write the whole file anew, so that nothing deleted is left between what is there; `in_memory` = is small."""

    def hold_alone(self, connection: Connection) -> None:
        """Until commit nobody else writes, however long it takes. Raises StoreLocked when others are connected."""

    def lock_migration(self, connection: Connection) -> None: ...

    def lock_journal(self, connection: Connection) -> None:
        """Until commit, nobody else appends to the journal."""

    def lock_groups(self, connection: Connection, jurisdiction: str, keys: Collection[tuple[str, str]]) -> None: ...

    def now(self, connection: Connection) -> datetime: ...

    def meaning_of(self, error: BaseException) -> type[StoreError] | None:
        """Whether a driver's error means StoreUnavailable or Conflict; None = neither."""


# Columns of `incidents` that a change may touch, in the order of `update_incidents`.
CHANGED = (
    "seq",
    "state",
    "category",
    "owner",
    "rule",
    "due_at",
    "group_cell",
    "place_key",
    "doc",
)
# Columns of `queue` that a change may touch, in the order of `update_queue`; `words` are added to those that are there,
# as long as these are not too many.
QUEUE_CHANGED = (
    "rank",
    "state",
    "clock_started_at",
    "clock_due_at",
    "category",
    "area",
    "cell",
    "place_key",
    "words",
)
QUEUE_KEY = ("jurisdiction", "rank", "incident_id")
LONGEST_WORDS = 4000
ADD_WORDS = f"CASE WHEN length(queue.words) < {LONGEST_WORDS} THEN queue.words || {{0}} ELSE queue.words END"
PARTY_KEY = ("jurisdiction", "responder", "state", "incident_id")


def translated(dialect: Dialect, error: BaseException) -> StoreError | None:
    """The StoreError that a driver's error amounts to, or None when it is not a driver's."""
    cause: BaseException | None = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return StoreUnavailable(f"the connection to the database was lost: {_first_line(error.orig)}")
        cause = error.orig
    kind = None if cause is None else dialect.meaning_of(cause)
    if kind is not None:
        return kind(_first_line(cause))
    if isinstance(error, dialect.driver_errors | SQLAlchemyError):
        return StatementFailed(f"{type(cause).__name__}: {_first_line(cause)}")
    return None


def _first_line(error: BaseException | None) -> str:
    """Drivers quote the statement's values in later lines (DETAIL, CONTEXT); those stay out of logs and answers."""
    return str(error).strip().split("\n", 1)[0]
