"""A past instant: how incidents stood after one row of the journal, wherever the tables stand now."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, func, select

from dispatcher.core import fold
from dispatcher.store.journal import read as read_journal
from dispatcher.store.tables import journal
from schemas.events import JournalRow
from schemas.incidents import Incident

MOST_ROWS: Final = 100_000  # of the journal; a county's month
LARGEST_FOLD: Final = 20_000  # incidents; some four seconds
_AT_ONCE: Final = 500


class TooFarBack(ValueError):
    """More incidents have changed since than one question may fold."""


class Moment(Struct, frozen=True):
    """What is seen: the state after journal row `position`, with clocks read at `at`."""

    at: datetime
    position: int


def moment_now(connection: Connection, now: datetime) -> Moment:
    return Moment(now, _last(connection))


def moment_of(connection: Connection, at: datetime) -> Moment:
    """The last row written by then, found by halving: positions have no gaps and their instants rise."""
    first = connection.execute(select(func.min(journal.c.position))).scalar_one() or 1
    before, after = first - 1, _last(connection) + 1
    while after - before > 1:
        middle = (before + after) // 2
        written_at = connection.execute(select(journal.c.at).where(journal.c.position == middle)).scalar_one()
        before, after = (middle, after) if written_at <= at else (before, middle)
    return Moment(at, before)


def rows_until(rows: Iterable[JournalRow], moment: Moment) -> list[JournalRow]:
    return [row for row in rows if row.position <= moment.position]


def folded(rows: Iterable[JournalRow]) -> Incident | None:
    """The incident after these rows of its own, in order; None = it had not been opened."""
    return fold((row.seq, row.events) for row in rows)


class Since(Struct, frozen=True):
    """What has happened since a moment: `ids` selects the incidents changed or opened (None = nothing has happened).

    `before` = the changed ones as they stood. All others stand in the tables as they did.
    """

    ids: Select[tuple[str]] | None
    before: Sequence[Incident] = ()

    def unchanged(self, incident_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """The condition that leaves them out."""
        return [] if self.ids is None else [incident_id.not_in(self.ids)]


def since(connection: Connection, jurisdiction: str, moment: Moment) -> Since:
    """Raises TooFarBack."""
    rows_since = _last(connection) - moment.position
    if rows_since <= 0:
        return Since(None)
    later = (journal.c.jurisdiction == jurisdiction, journal.c.position > moment.position)
    ids = select(journal.c.incident_id).where(*later, journal.c.incident_id.is_not(None))
    known = ids.group_by(journal.c.incident_id).having(func.min(journal.c.seq) > 1).limit(LARGEST_FOLD + 1)
    changed = [] if rows_since > MOST_ROWS else list(connection.execute(known).scalars())
    if rows_since > MOST_ROWS or len(changed) > LARGEST_FOLD:
        raise TooFarBack("too much has happened since then: begin again, or ask for a later instant")
    # the limit never cuts; it tells PostgreSQL, whose statistics may be old, that these fit into a hash table
    return Since(ids.limit(MOST_ROWS), _as_they_stood(connection, changed, moment))


def _as_they_stood(connection: Connection, ids: Sequence[str], moment: Moment) -> list[Incident]:
    stood = []
    for start in range(0, len(ids), _AT_ONCE):
        some = journal.c.incident_id.in_(ids[start : start + _AT_ONCE])
        rows = select(journal).where(some, journal.c.position <= moment.position)
        found = read_journal(connection, rows.order_by(journal.c.incident_id, journal.c.seq))
        stood += [folded(own) for _, own in groupby(found, key=lambda row: row.incident_id)]
    return [incident for incident in stood if incident is not None]


def _last(connection: Connection) -> int:
    return connection.execute(select(func.max(journal.c.position))).scalar_one() or 0
