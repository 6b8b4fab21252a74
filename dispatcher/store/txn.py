"""One write transaction: reads that decide, then one `save`."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from dispatcher.store import bundles, erasing, journal, letters, tables
from dispatcher.store.attachments import read_attachments
from dispatcher.store.bodies import read_bodies
from dispatcher.store.changes import Changes
from dispatcher.store.dialect import Dialect, Row
from dispatcher.store.found import Body, Candidate, KnownCommand, KnownReport, Letter, StoredAttachment
from dispatcher.store.instants import from_us, to_us
from dispatcher.store.save import save
from schemas.events import JournalRow
from schemas.incidents import Incident

_incident = msgspec.json.Decoder(Incident).decode
_KEYS_AT_ONCE: Final = 4096
_TEXT: Final = ("text",)
_TEXTS: Final = ("text", "text")


class Txn:
    """Handed out by `Store.begin`; used by one thread, not after its block has ended.

    Order of locks: dead letters, groups, incidents (by id), dedupe keys, the journal. Every method costs one statement.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._loaded: dict[str, Incident] = {}
        self.has_erased = False

    def now(self) -> datetime:
        """The database's clock (on SQLite this machine's): the same for all processes that share the database."""
        return self._dialect.now(self._connection)

    def active_bundles(self) -> dict[str, str]:
        """Jurisdiction → id of the bundle that decides there."""
        return bundles.active_bundles(self._connection)

    def bundle(self, bundle_id: str) -> bytes | None:
        return bundles.bundle(self._connection, self._dialect, bundle_id)

    def known_reports(self, keys: Collection[bytes]) -> dict[bytes, KnownReport]:
        """Which of these reports were taken before."""
        rows = self._matching(
            "SELECT t.key, t.content_hash, t.report_id, t.incident_id, t.seq FROM {keys} {join} reports t"
            " ON t.key = k.column1",
            [(key,) for key in keys],
            ("bytea",),
        )
        return {row[0]: KnownReport(*row[1:]) for row in rows}

    def known_commands(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], KnownCommand]:
        """Which of these (sender, command_id) were carried out before."""
        rows = self._matching(
            "SELECT t.sender, t.command_id, t.digest, t.answer FROM {keys} {join} commands t"
            " ON t.sender = k.column1 AND t.command_id = k.column2",
            keys,
            _TEXTS,
        )
        return {(row[0], row[1]): KnownCommand(row[2], row[3]) for row in rows}

    def known_letters(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Content hash → letter_id of dead letters kept before."""
        rows = self._matching(
            "SELECT t.content_hash, t.letter_id FROM {keys} {join} letters t ON t.content_hash = k.column1",
            [(each,) for each in hashes],
            ("bytea",),
        )
        return {row[0]: row[1] for row in rows}

    def journal_rows(self, keys: Collection[tuple[str, int]]) -> dict[tuple[str, int], JournalRow]:
        """Journal rows by (incident_id, seq), to render repeated answers from."""
        rows = self._matching(
            "SELECT t.position, t.jurisdiction, t.incident_id, t.seq, t.command_id, t.actor, t.at, t.payload"
            " FROM {keys} {join} journal t ON t.incident_id = k.column1 AND t.seq = k.column2",
            keys,
            ("text", "int4"),
        )
        return {(row[2], row[3]): journal.decoded(*row) for row in rows}

    def lock_groups(self, jurisdiction: str, keys: Collection[tuple[str, str]]) -> None:
        """Until commit, nobody else looks for or opens an incident of these (category, cell or place key).

        Call once per jurisdiction, before `group_candidates`, with the keys of the whole batch: every cell in which its
        reports may find others.
        """
        if keys:
            self._dialect.lock_groups(self._connection, jurisdiction, keys)

    def group_candidates(
        self,
        jurisdiction: str,
        cells: Collection[tuple[str, str]],
        place_keys: Collection[tuple[str, str]],
        since: datetime,
    ) -> list[Candidate]:
        """Open incidents that take other voices, by (category, cell) or (category, place key), reported since then.

        Ordered by id, each once. The point comes from the report's body.
        """
        found: dict[str, Candidate] = {}
        for column, keys in (("group_cell", cells), ("place_key", place_keys)):
            rows = self._matching(
                "SELECT t.id, t.category, t.group_cell, t.place_key, b.lat, b.lon, t.reported_at FROM {keys}"
                f" {{join}} incidents t ON t.category = k.column1 AND t.{column} = k.column2"
                " LEFT JOIN bodies b ON b.ref = t.report_id"
                f" WHERE t.{column} IS NOT NULL AND t.jurisdiction = ? AND t.reported_at >= ?",
                keys,
                _TEXTS,
                (jurisdiction, to_us(since)),
            )
            found |= {row[0]: Candidate._make((*row[:-1], from_us(row[-1]))) for row in rows}
        return [found[incident_id] for incident_id in sorted(found)]

    def load(self, incident_ids: Collection[str]) -> dict[str, Incident]:
        """Incidents by id, locked in id order; those that do not exist are absent."""
        rows = self._matching(
            "SELECT t.doc FROM {keys} {join} incidents t ON t.id = k.column1 ORDER BY t.id" + self._dialect.for_update,
            [(each,) for each in sorted(set(incident_ids))],
            _TEXT,
        )
        found = {incident.id: incident for incident in (_incident(row[0]) for row in rows)}
        self._loaded |= found
        return found

    def report_of(self, report_id: str) -> str | None:
        """The incident of a report, also after the report's body was erased."""
        rows = self._matching(
            "SELECT t.incident_id FROM {keys} {join} bodies t ON t.ref = k.column1 AND t.kind = 'report'",
            [(report_id,)],
            _TEXT,
        )
        return next((row[0] for row in rows), None)

    def body(self, ref: str) -> Body | None:
        """The body under this ref, as this transaction sees it."""
        return read_bodies(self._connection, [ref]).get(ref)

    def attachments(self, attachment_ids: Collection[str]) -> dict[str, StoredAttachment]:
        """Attachments by id; unknown ones are absent."""
        return read_attachments(self._connection, attachment_ids)

    def letters(self, letter_ids: Collection[str]) -> dict[str, Letter]:
        """Dead letters by id, locked; before anything else is locked."""
        return letters.read_letters(self._connection, letter_ids, locked=True)

    def letters_of_reports(self, report_ids: Collection[str]) -> list[str]:
        """Letters from which these reports came, unless they are erased."""
        return letters.letters_of_reports(self._connection, report_ids)

    def kept_refs(self, refs: Collection[str]) -> list[str]:
        """Refs of bodies that are not erased yet."""
        return erasing.kept_refs(self._connection, refs)

    def journal_of(self, incident_id: str) -> list[JournalRow]:
        """All rows of an incident in order of seq."""
        rows = select(tables.journal).where(tables.journal.c.incident_id == incident_id)
        return journal.read(self._connection, rows.order_by(tables.journal.c.seq))

    def save(self, changes: Changes) -> None:
        """Write everything, as the last step: after journal rows nothing more is locked or asked. Raises Conflict."""
        missing = [each.incident.id for each in changes.changed if each.incident.id not in self._loaded]
        if missing:
            raise ValueError(f"changed without having been loaded in this transaction: {', '.join(missing)}")
        save(self._connection, self._dialect, changes, self._loaded)
        self.has_erased = self.has_erased or bool(changes.erasures)

    def _matching(self, question: str, keys: Collection[Row], types: tuple[str, ...], more: Row = ()) -> Iterator[Row]:
        """Rows of `question` for all keys, which it finds as table `k` in place of {keys}."""
        every = list(keys)
        for start in range(0, len(every), _KEYS_AT_ONCE):
            item, parameters = self._dialect.keys(every[start : start + _KEYS_AT_ONCE], types)
            statement = question.replace("?", self._dialect.placeholder).format(keys=item, join=self._dialect.join)
            yield from map(tuple, self._connection.exec_driver_sql(statement, (*parameters, *more)).all())
