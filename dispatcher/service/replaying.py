"""Replay: the derived tables rebuilt from the journal alone, and held against those that are stored, row by row.

Reads in pages, so memory does not grow with the database. What the journal does not tell is left out: words to search
for and content hashes come from the erasable bodies, answers to commands and dead letters' bytes were only stored.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from dispatcher.core import apply_row, next_due_at
from dispatcher.service.arrivals import keyed
from dispatcher.store import NewIncident, Store
from dispatcher.store.dialect import Row
from dispatcher.store.instants import to_us
from dispatcher.store.journal import decode_events
from dispatcher.store.queue_rows import queue_row
from dispatcher.store.rebuilding import (
    DERIVED,
    INCIDENTS,
    PARTIES,
    QUEUE,
    REPORTS,
    DerivedTable,
    DerivedTables,
    History,
)
from dispatcher.store.save import incident_row, parties_of
from schemas.events import ReportReceived
from schemas.incidents import Incident

_encode = msgspec.json.Encoder().encode
_AT: Final = REPORTS.columns.index("at")
_REPORT_ID: Final = REPORTS.columns.index("report_id")
_MISSING: Final = "no row"
Progress = Callable[[int], None]
RebuiltPage = dict[DerivedTable, list[tuple[str, Row]]]  # rows with the incident they are about


class Difference(Struct, frozen=True, kw_only=True):
    """One row that is not as the journal tells it. `field` "" = the whole row is there or is not."""

    table: str
    incident_id: str
    field: str
    stored: str
    rebuilt: str


class Replayed(Struct, frozen=True, kw_only=True):
    """What a replay found. `broken_at` = first journal row that was changed or is missing; then nothing was compared.

    `head` = hash of the newest journal row. `content` = hash over all derived rows, None unless they are equal.
    """

    rows_count: int
    incidents_count: int
    head: str
    broken_at: int | None = None
    difference: Difference | None = None
    content: str | None = None
    repaired_count: int = 0
    not_repaired_count: int = 0

    @property
    def is_equal(self) -> bool:
        return self.broken_at is None and self.difference is None


class _Wrong(Struct):
    """A difference, and what puts it right: a stored key to delete, a row to insert."""

    of: DerivedTable
    difference: Difference
    gone: Row | None
    came: Row | None


def verify(store: Store, *, keys_since: datetime, progress: Progress) -> Replayed:
    """Stops at the first difference. Keys of reports older than `keys_since` may have gone.

    `progress` is told of each journal row twice: when it is found to follow, and when it is folded.
    """
    with store.derived() as tables:
        found = _chain(tables, progress)
        if found.broken_at is not None:
            return found
        comparison = Comparison(tables, to_us(keys_since), progress)
        wrong = next(comparison.all_wrong(), None)
        return msgspec.structs.replace(
            found,
            incidents_count=comparison.incidents_count,
            difference=None if wrong is None else wrong.difference,
            content=comparison.content if wrong is None else None,
        )


def repair(store: Store, *, keys_since: datetime, progress: Progress) -> Replayed:
    """Put every row right, in one transaction; nobody else may be at work (StoreLocked).

    A key whose report's body is erased cannot be made again; it is counted in `not_repaired_count`.
    """
    with store.rebuilding() as (tables, writing):
        found = _chain(tables, progress)
        if found.broken_at is not None:
            return found
        comparison = Comparison(tables, to_us(keys_since), progress)
        repairs = _Repairs(writing, store.secret())
        for wrong in comparison.all_wrong():
            repairs.make(wrong)
        repairs.finish()
        return msgspec.structs.replace(
            found,
            incidents_count=comparison.incidents_count,
            repaired_count=repairs.count,
            not_repaired_count=repairs.impossible_count,
        )


def _chain(tables: DerivedTables, progress: Progress) -> Replayed:
    """What is found before anything is compared: the newest row, and whether each follows the one before it."""
    position, head = tables.head()
    return Replayed(rows_count=position, incidents_count=0, head=head.hex(), broken_at=tables.first_break(progress))


class Comparison:
    """One pass over all histories, then a look for stored rows that no history accounts for."""

    def __init__(self, tables: DerivedTables, keys_since_us: int, progress: Progress) -> None:
        self._tables = tables
        self._keys_since_us = keys_since_us
        self._progress = progress
        self._hash = sha256()
        self._found_count = dict.fromkeys(DERIVED, 0)
        self.incidents_count = 0

    @property
    def content(self) -> str:
        """Hash over all derived rows that were alike."""
        return f"sha256:{self._hash.hexdigest()}"

    def all_wrong(self) -> Iterator[_Wrong]:
        for page in self._tables.histories():
            for of, rows in rebuilt(page).items():
                yield from self._compare(of, rows)
            self.incidents_count += len(page)
            self._progress(sum(len(rows) for _, rows in page))
        for of in DERIVED:
            if self._tables.count(of) > self._found_count[of]:
                yield from self._unaccounted(of)

    def _compare(self, of: DerivedTable, rows: Sequence[tuple[str, Row]]) -> Iterator[_Wrong]:
        stored = self._tables.stored(of, [of.key_of(row) for _, row in rows])
        for incident_id, row in rows:
            other = stored.get(of.key_of(row))
            if (
                of is REPORTS
                and row[_AT] < self._keys_since_us
                and (other is None or other[_REPORT_ID] != row[_REPORT_ID])
            ):
                continue  # its time was over; perhaps another report has the key now
            if other is None:
                yield _Wrong(of, _whole(of, incident_id, stored=False), None, row)
                continue
            self._found_count[of] += 1
            told = _with_free(of, row, other) if of.free_places else row
            field = None if told == other else _first_difference(of, other, told)
            if field is None:
                self._hash.update(_encode(row))
            else:
                name, was, now = field
                difference = Difference(
                    table=of.table.name, incident_id=incident_id, field=name, stored=str(was), rebuilt=str(now)
                )
                yield _Wrong(of, difference, of.key_of(other), told)

    def _unaccounted(self, of: DerivedTable) -> Iterator[_Wrong]:
        """Stored rows that the journal knows nothing of; slow, and only walked when there are too many."""
        place = of.columns.index("id" if of is INCIDENTS else "incident_id")
        for page in self._tables.pages(of):
            histories = self._tables.histories_of({row[place] for row in page})
            known = {of.key_of(row) for _, row in rebuilt(histories)[of]}
            for row in page:
                if of.key_of(row) not in known:
                    yield _Wrong(of, _whole(of, row[place], stored=True), of.key_of(row), None)


def rebuilt(page: Iterable[History]) -> RebuiltPage:
    """The rows that follow from these histories, as the tables have them; free columns are None or empty."""
    rows: RebuiltPage = {of: [] for of in DERIVED}
    for incident_id, history in page:
        incident = _fold(incident_id, history, rows[REPORTS])
        rows[INCIDENTS].append((incident_id, incident_row(NewIncident(incident, next_due_at(incident)))))
        rows[QUEUE].append((incident_id, queue_row(incident, "")))
        rows[PARTIES].extend([(incident_id, row) for row in sorted(parties_of(incident))])
    return rows


def _fold(incident_id: str, history: Sequence[Row], reports: list[tuple[str, Row]]) -> Incident:
    incident: Incident | None = None
    for seq, jurisdiction, at, payload in history:
        happened = decode_events(payload)
        incident = apply_row(incident, seq, happened)
        for event in happened:
            if isinstance(event, ReportReceived):
                key = bytes.fromhex(event.key)
                reports.append((incident_id, (key, jurisdiction, None, event.report_id, incident_id, seq, at)))
    if incident is None:
        raise ValueError("a history has at least one row")
    return incident


def _first_difference(of: DerivedTable, stored: Row, told: Row) -> tuple[str, object, object] | None:
    """Name and the two values of the first field that differs; None = only written differently, by an older release."""
    for name, was, now in zip(of.columns, stored, told, strict=True):
        if was != now and name != "doc":
            return name, was, now
    place = of.columns.index("doc")
    was_doc, now_doc = msgspec.json.decode(stored[place]), msgspec.json.decode(told[place])
    for name in sorted(was_doc.keys() | now_doc.keys()):
        if was_doc.get(name) != now_doc.get(name):
            return f"doc.{name}", was_doc.get(name), now_doc.get(name)
    return None


def _with_free(of: DerivedTable, row: Row, stored: Row) -> Row:
    """The row as the journal tells it, with what only the stored one knows."""
    return tuple(stored[n] if n in of.free_places else value for n, value in enumerate(row))


def _whole(of: DerivedTable, incident_id: str, *, stored: bool) -> Difference:
    there, not_there = "a row", _MISSING
    return Difference(
        table=of.table.name,
        incident_id=incident_id,
        field="",
        stored=there if stored else not_there,
        rebuilt=not_there if stored else there,
    )


class _Repairs:
    """Collects what is to be done and does it a page at a time."""

    _PAGE: Final = 500

    def __init__(self, writing: DerivedTables, secret: bytes) -> None:
        self._writing = writing
        self._secret = secret
        self._waiting: dict[DerivedTable, list[_Wrong]] = {of: [] for of in DERIVED}
        self.count = 0
        self.impossible_count = 0

    def make(self, wrong: _Wrong) -> None:
        waiting = self._waiting[wrong.of]
        waiting.append(wrong)
        if len(waiting) >= self._PAGE:
            self._do(wrong.of)

    def finish(self) -> None:
        for of in DERIVED:
            self._do(of)

    def _do(self, of: DerivedTable) -> None:
        waiting, self._waiting[of] = self._waiting[of], []
        gone = [wrong.gone for wrong in waiting if wrong.gone is not None]
        came = [wrong.came for wrong in waiting if wrong.came is not None]
        if of is REPORTS:
            came = self._with_hashes(came)
        self._writing.put_right(of, gone, came)
        self.count += len(waiting)
        if of is QUEUE:
            self._writing.tell_words({wrong.difference.incident_id for wrong in waiting if wrong.gone is None})

    def _with_hashes(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of keys whose content hash is still there, or can be made again from the body."""
        place = REPORTS.columns.index("content_hash")
        bare = [row for row in rows if row[place] is None]
        bodies = self._writing.bodies([row[_REPORT_ID] for row in bare])
        whole = [row for row in rows if row[place] is not None]
        for row in bare:
            body = bodies.get(row[_REPORT_ID])
            if body is None or not body.doc:
                self.impossible_count += 1
                self.count -= 1
            else:
                whole.append((*row[:place], keyed(self._secret, body.doc), *row[place + 1 :]))
        return whole
