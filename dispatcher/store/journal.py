"""The journal: how a row is written, chained and read. Its order is the order of commits; see `append`.

Row n holds in `prev_hash` the hash of row n - 1: SHA-256 over that row's own prev_hash, its columns and its payload.
Whoever changes, swaps or removes a row in the middle breaks the chain at that row; cutting off the end is found by
comparing with a head that was noted elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Select

from dispatcher.store.changes import NewJournalRow
from dispatcher.store.dialect import Dialect, Row
from dispatcher.store.instants import from_us, to_us
from dispatcher.store.tables import journal
from dispatcher.store.texts import readable
from schemas.events import AnyEvent, JournalRow

GENESIS = bytes(32)
_encode = msgspec.json.Encoder().encode
decode_events = msgspec.json.Decoder(tuple[AnyEvent, ...]).decode
_COLUMNS = ", ".join(column.name for column in journal.columns)
_LAST = f"SELECT {_COLUMNS} FROM journal ORDER BY position DESC LIMIT 1"
_CHUNK = 1000


def row_hash(row: Row) -> bytes:
    """SHA-256 of one row as the table holds it."""
    *head, payload, prev_hash = row
    return sha256(prev_hash + _encode(head) + payload).digest()


def append(connection: Connection, dialect: Dialect, rows: Sequence[NewJournalRow]) -> None:
    """Give the rows their positions and insert them: the last thing a transaction does.

    Under the lock, which is held until after the commit, position order is commit order without gaps; the read after it
    sees what the previous holder wrote.
    """
    dialect.lock_journal(connection)
    position, prev_hash = head(connection)
    dialect.insert(connection, journal, chain(rows, position, prev_hash))


def head(connection: Connection) -> tuple[int, bytes]:
    """Position and hash of the newest row."""
    last = connection.exec_driver_sql(_LAST).one_or_none()
    return (0, GENESIS) if last is None else (last[0], row_hash(tuple(last)))


def chain(rows: Sequence[NewJournalRow], position: int, prev_hash: bytes) -> list[Row]:
    """Table rows that follow the row at `position`."""
    chained: list[Row] = []
    for number, new in enumerate(rows, start=position + 1):
        command_id, actor = readable(new.command_id), readable(new.actor)
        head = (number, new.jurisdiction, new.incident_id, new.seq, command_id, actor, to_us(new.at))
        payload = _encode(new.events)
        chained.append((*head, payload, prev_hash))
        prev_hash = sha256(prev_hash + _encode(head) + payload).digest()
    return chained


def read(connection: Connection, question: Select[Any]) -> list[JournalRow]:
    """Journal rows of `select(journal)…`, decoded."""
    return [decoded(row.position, *row[1:-1]) for row in connection.execute(question)]


def decoded(
    position: int,
    jurisdiction: str,
    incident_id: str | None,
    seq: int,
    command_id: str,
    actor: str,
    at: datetime | int,
    payload: bytes,
) -> JournalRow:
    return JournalRow(
        position=position,
        jurisdiction=jurisdiction,
        incident_id=incident_id,
        seq=seq,
        command_id=command_id,
        actor=actor,
        at=from_us(at) if isinstance(at, int) else at,
        events=decode_events(payload),
    )


def first_break(
    connection: Connection, dialect: Dialect, after: int, progress: Callable[[int], None] = lambda _: None
) -> int | None:
    """Position of the first row past `after` that was changed, is missing or does not follow; None = all fit.

    `progress` is told how many rows more were looked at.
    """
    position, expected = after, GENESIS if after == 0 else None
    for rows in _raw_pages(connection, dialect, after):
        for row in rows:
            if row[0] != position + 1:
                return position + 1
            if expected is not None and row[-1] != expected:
                return max(1, position)
            position, expected = row[0], row_hash(row)
        progress(len(rows))
    return None


def _raw_pages(connection: Connection, dialect: Dialect, after: int) -> Iterator[list[Row]]:
    statement = (
        f"SELECT {_COLUMNS} FROM journal WHERE position > {dialect.placeholder} ORDER BY position LIMIT {_CHUNK}"
    )
    while True:
        rows = [tuple(row) for row in connection.exec_driver_sql(statement, (after,)).all()]
        yield rows
        if len(rows) < _CHUNK:
            return
        after = rows[-1][0]
