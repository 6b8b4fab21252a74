"""The journal read as histories, and the tables that follow from it read and put right row by row.

Everything here works in pages: memory does not grow with the database.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, Table, func, select

from dispatcher.store import journal, tables
from dispatcher.store.bodies import read_bodies
from dispatcher.store.dialect import PARTY_KEY, QUEUE_KEY, Dialect, Row
from dispatcher.store.found import Body
from dispatcher.store.queue_rows import forget_words

PAGE: Final = 1000
_HISTORIES: Final = (
    "SELECT incident_id, seq, jurisdiction, at, payload FROM journal"
    " WHERE incident_id IS NOT NULL AND (incident_id, seq) > (?, ?) ORDER BY incident_id, seq LIMIT ?"
)
_SOME_HISTORIES: Final = (
    "SELECT t.incident_id, t.seq, t.jurisdiction, t.at, t.payload FROM {0} {1} journal t ON t.incident_id = k.column1"
    " ORDER BY t.incident_id, t.seq"
)
_TYPES: Final = {"key": "bytea"}  # of key columns; all others are text


@dataclass(frozen=True)
class DerivedTable:
    """`key` = its primary key; `free` = columns that the journal does not tell."""

    table: Table
    key: tuple[str, ...]
    free: frozenset[str] = frozenset()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.columns)

    @cached_property
    def free_places(self) -> tuple[int, ...]:
        return tuple(place for place, name in enumerate(self.columns) if name in self.free)

    @cached_property
    def key_of(self) -> Callable[[Row], Row]:
        """The key of a row."""
        places = [self.columns.index(name) for name in self.key]
        if len(places) == 1:
            return lambda row: (row[places[0]],)
        return itemgetter(*places)


INCIDENTS: Final = DerivedTable(tables.incidents, ("id",))
PARTIES: Final = DerivedTable(tables.parties, PARTY_KEY)
QUEUE: Final = DerivedTable(tables.queue, QUEUE_KEY, frozenset({"words"}))
REPORTS: Final = DerivedTable(tables.reports, ("key",), frozenset({"content_hash"}))
DERIVED: Final = (INCIDENTS, QUEUE, PARTIES, REPORTS)
History = tuple[str, list[Row]]  # incident_id, rows (seq, jurisdiction, at in µs, payload)


class DerivedTables:
    """Journal and derived tables over one connection: a reader's, or the writer's."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    def first_break(self, progress: Callable[[int], None]) -> int | None:
        """Position of the first journal row that was changed or is missing; None = the chain holds."""
        return journal.first_break(self._connection, self._dialect, 0, progress)

    def histories(self) -> Iterator[list[History]]:
        """Pages of incidents in order of id, each with all its rows in order of seq."""
        found = _by_incident(self._rows_of_histories())
        while page := list(islice(found, PAGE)):
            yield page

    def histories_of(self, incident_ids: Collection[str]) -> list[History]:
        """Those of these incidents that have any, in order of id."""
        item, parameters = self._dialect.keys([(each,) for each in sorted(incident_ids)], ("text",))
        question = _SOME_HISTORIES.format(item, self._dialect.join)
        return list(_by_incident(map(tuple, self._connection.exec_driver_sql(question, parameters).all())))

    def _rows_of_histories(self) -> Iterator[Row]:
        statement = _HISTORIES.replace("?", self._dialect.placeholder)
        after: Row = ("", 0)
        while True:
            rows = self._connection.exec_driver_sql(statement, (*after, PAGE)).all()
            yield from map(tuple, rows)
            if len(rows) < PAGE:
                return
            after = tuple(rows[-1][:2])

    def stored(self, of: DerivedTable, keys: Sequence[Row]) -> dict[Row, Row]:
        """Rows by key; those that are not there are absent."""
        if not keys:
            return {}
        item, parameters = self._dialect.keys(keys, tuple(_TYPES.get(name, "text") for name in of.key))
        same = " AND ".join(f"t.{name} = k.column{number}" for number, name in enumerate(of.key, start=1))
        names = ", ".join(f"t.{name}" for name in of.columns)
        question = f"SELECT {names} FROM {item} {self._dialect.join} {of.table.name} t ON {same}"
        rows = map(tuple, self._connection.exec_driver_sql(question, parameters).all())
        return {of.key_of(row): row for row in rows}

    def count(self, of: DerivedTable) -> int:
        return self._connection.execute(select(func.count()).select_from(of.table)).scalar_one()

    def pages(self, of: DerivedTable) -> Iterator[list[Row]]:
        """All rows in order of key."""
        names, key = ", ".join(of.columns), ", ".join(of.key)
        marks = ", ".join([self._dialect.placeholder] * len(of.key))
        first = f"SELECT {names} FROM {of.table.name} ORDER BY {key} LIMIT {PAGE}"
        further = f"SELECT {names} FROM {of.table.name} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT {PAGE}"
        rows = [tuple(row) for row in self._connection.exec_driver_sql(first).all()]
        while rows:
            yield rows
            if len(rows) < PAGE:
                return
            rows = [tuple(row) for row in self._connection.exec_driver_sql(further, of.key_of(rows[-1]))]

    def head(self) -> tuple[int, bytes]:
        """Position and hash of the newest journal row: what a later journal must contain. (0, zeros) = it is empty."""
        return journal.head(self._connection)

    def bodies(self, refs: Collection[str]) -> dict[str, Body]:
        return read_bodies(self._connection, refs)

    def put_right(self, of: DerivedTable, gone: Sequence[Row], came: Sequence[Row]) -> None:
        """Delete rows by key, then insert these."""
        if gone:
            same = " AND ".join(f"{name} = {self._dialect.placeholder}" for name in of.key)
            self._connection.exec_driver_sql(f"DELETE FROM {of.table.name} WHERE {same}", list(gone))
        if came:
            self._dialect.insert(self._connection, of.table, came)

    def tell_words(self, incident_ids: Collection[str]) -> None:
        """The search finds in these incidents what their bodies still say."""
        forget_words(self._connection, self._dialect, incident_ids)


def _by_incident(rows: Iterable[Row]) -> Iterator[History]:
    for incident_id, own in groupby(rows, key=itemgetter(0)):
        yield incident_id, [row[1:] for row in own]
