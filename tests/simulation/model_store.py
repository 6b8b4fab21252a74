"""A store in memory with the real one's promises: it is what a database does, without a database.

Every question sees what is committed by then (READ COMMITTED). A transaction's writes appear all at once or not at
all; keys are unique, changed rows must stand in the version that was loaded. Group locks, and row locks where
`row_locks`, are held to the end; whoever meets a lock waits too long at once. What is stored went through its encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from dispatcher.store import (
    Body,
    Candidate,
    Changes,
    Conflict,
    Counts,
    KnownCommand,
    KnownReport,
    NewBody,
    NewCommand,
    NewJournalRow,
    NewLetter,
    NewReport,
    Store,
    StoreUnavailable,
    Txn,
)
from schemas.events import AnyEvent, JournalRow
from schemas.incidents import NOT_OVER_STATES, Incident
from tests.simulation.faults import hold

_encode = msgspec.json.Encoder().encode
_events = msgspec.json.Decoder(tuple[AnyEvent, ...]).decode
_incident = msgspec.json.Decoder(Incident).decode
K = TypeVar("K", bound=Hashable)


class StoredIncident(NamedTuple):
    incident: Incident
    due_at: datetime | None


class Tables:
    """What outlives every process. `committed` is called after each commit that wrote to the journal."""

    def __init__(
        self, *, now: Callable[[], datetime], committed: Callable[[Sequence[JournalRow]], None], row_locks: bool
    ) -> None:
        self.now = now
        self.committed = committed
        self.row_locks = row_locks
        self.secret = bytes(range(32))
        self.reports: dict[bytes, NewReport] = {}
        self.commands: dict[tuple[str, str], NewCommand] = {}
        self.letters: dict[bytes, NewLetter] = {}
        self.bodies: dict[str, NewBody] = {}
        self.incidents: dict[str, StoredIncident] = {}
        self.journal: list[JournalRow] = []
        self.rows: dict[tuple[str | None, int], JournalRow] = {}
        self.bundles: dict[str, bytes] = {}
        self.active: dict[str, str] = {}
        self.cursors: dict[str, int] = {}
        self._locks: dict[tuple[str, ...], ModelTxn] = {}

    def lock(self, txn: ModelTxn, names: Collection[tuple[str, ...]]) -> None:
        """Take locks that nobody else holds, else the wait is over at once, as after lock_timeout."""
        for name in sorted(names):
            if self._locks.setdefault(name, txn) is not txn:
                raise StoreUnavailable(f"waited too long for {name}")

    def unlock(self, txn: ModelTxn) -> None:
        for name in [name for name, holder in self._locks.items() if holder is txn]:
            del self._locks[name]

    def check(self, changes: Changes) -> None:
        """Raise Conflict where somebody was faster, or where one batch writes a key twice."""
        self._check_keys(self.reports, [new.key for new in changes.reports])
        self._check_keys(self.commands, [(new.sender, new.command_id) for new in changes.commands])
        self._check_keys(self.letters, [new.content_hash for new in changes.letters])
        self._check_keys(self.bodies, [new.ref for new in changes.bodies])
        self._check_keys(self.incidents, [new.incident.id for new in changes.opened])
        self.check_versions(changes)

    @staticmethod
    def _check_keys(table: Mapping[K, object], keys: Sequence[K]) -> None:
        if len(set(keys)) < len(keys) or any(key in table for key in keys):
            raise Conflict("a key is taken")

    def check_versions(self, changes: Changes) -> None:
        """Raise Conflict when a changed incident is no longer as it was loaded, or its next row is written."""
        if any(self.incidents[new.incident.id].incident.seq != new.expected_seq for new in changes.changed):
            raise Conflict("an incident has moved on")
        self._check_keys(self.rows, [(new.incident_id, new.seq) for new in changes.journal if new.incident_id])

    def write(self, changes: Changes) -> None:
        hold(not changes.erasures and not changes.changed_letters, "nobody here erases or puts letters right")
        self.reports.update({new.key: new for new in changes.reports})
        self.commands.update({(new.sender, new.command_id): new for new in changes.commands})
        self.letters.update({new.content_hash: new for new in changes.letters})
        self.bodies.update({new.ref: new for new in changes.bodies})
        for opened in changes.opened:
            self._keep(opened.incident, opened.due_at)
        for changed in changes.changed:
            self._keep(changed.incident, changed.due_at)
        for bundle in changes.bundles:
            self.bundles[bundle.bundle_id] = bundle.doc
            self.active[bundle.jurisdiction] = bundle.bundle_id
        if changes.journal:
            self.committed([self._append(new) for new in changes.journal])

    def _keep(self, incident: Incident, due_at: datetime | None) -> None:
        self.incidents[incident.id] = StoredIncident(_incident(_encode(incident)), due_at)

    def _append(self, new: NewJournalRow) -> JournalRow:
        row = JournalRow(
            position=len(self.journal) + 1,
            jurisdiction=new.jurisdiction,
            incident_id=new.incident_id,
            seq=new.seq,
            command_id=new.command_id,
            actor=new.actor,
            at=new.at,
            events=_events(_encode(new.events)),
        )
        self.journal.append(row)
        if row.incident_id is not None:
            self.rows[row.incident_id, row.seq] = row
        return row


class ModelTxn(Txn):
    """Questions are answered by the tables, everything written waits for the commit."""

    def __init__(self, tables: Tables, at: Callable[[str], None]) -> None:
        self._tables = tables
        self._at = at
        self._changes = Changes()

    def now(self) -> datetime:
        return self._tables.now()

    def active_bundles(self) -> dict[str, str]:
        return dict(self._tables.active)

    def bundle(self, bundle_id: str) -> bytes | None:
        return self._tables.bundles.get(bundle_id)

    def known_reports(self, keys: Collection[bytes]) -> dict[bytes, KnownReport]:
        self._at("known_reports")
        known = [self._tables.reports[key] for key in sorted(keys) if key in self._tables.reports]
        return {it.key: KnownReport(it.content_hash, it.report_id, it.incident_id, it.seq) for it in known}

    def known_commands(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], KnownCommand]:
        self._at("known_commands")
        known = [(key, self._tables.commands[key]) for key in sorted(keys) if key in self._tables.commands]
        return {key: KnownCommand(it.digest, it.answer) for key, it in known}

    def known_letters(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        self._at("known_letters")
        return {each: self._tables.letters[each].letter_id for each in sorted(hashes) if each in self._tables.letters}

    def journal_rows(self, keys: Collection[tuple[str, int]]) -> dict[tuple[str, int], JournalRow]:
        self._at("journal_rows")
        return {key: self._tables.rows[key] for key in sorted(keys) if key in self._tables.rows}

    def lock_groups(self, jurisdiction: str, keys: Collection[tuple[str, str]]) -> None:
        self._at("lock_groups")
        self._tables.lock(self, [("group", jurisdiction, *key) for key in keys])

    def group_candidates(
        self,
        jurisdiction: str,
        cells: Collection[tuple[str, str]],
        place_keys: Collection[tuple[str, str]],
        since: datetime,
    ) -> list[Candidate]:
        self._at("group_candidates")
        found = []
        for it, _ in self._tables.incidents.values():
            near = (it.category, it.cell) in cells or (it.category, it.place_key) in place_keys
            if it.joinable and near and it.jurisdiction == jurisdiction and it.reported_at >= since:
                point = self._tables.bodies[it.report_id]
                spot = (it.cell, it.place_key, point.lat, point.lon, it.reported_at)
                found.append(Candidate(it.id, it.category or "", *spot))
        return sorted(found, key=lambda candidate: candidate.incident_id)

    def load(self, incident_ids: Collection[str]) -> dict[str, Incident]:
        self._at("load")
        there = [each for each in sorted(incident_ids) if each in self._tables.incidents]
        if self._tables.row_locks:
            self._tables.lock(self, [("incident", each) for each in there])
        return {each: self._tables.incidents[each].incident for each in there}

    def report_of(self, report_id: str) -> str | None:
        found = self._tables.bodies.get(report_id)
        return found.incident_id if found is not None and found.kind == "report" else None

    def body(self, ref: str) -> Body | None:
        found = self._tables.bodies.get(ref)
        return None if found is None else _read(found)

    def save(self, changes: Changes) -> None:
        self._at("save")
        self._tables.check(changes)
        self._changes = changes

    def commit(self) -> None:
        self._tables.write(self._changes)


class ModelStore(Store):
    """One process's way to the tables. `at(point)` is told of every boundary, and may raise there."""

    def __init__(self, tables: Tables, at: Callable[[str], None]) -> None:
        self._tables = tables
        self._at = at

    @contextmanager
    def begin(self) -> Iterator[Txn]:
        self._at("begin")
        txn = ModelTxn(self._tables, self._at)
        try:
            yield txn
            self._at("commit")
            txn.commit()
        finally:
            self._tables.unlock(txn)
        self._at("committed")

    def secret(self) -> bytes:
        return self._tables.secret

    def database_now(self) -> datetime:
        return self._tables.now()

    def jurisdictions(self) -> list[str]:
        return sorted(self._tables.active)

    def active_bundle(self, jurisdiction: str) -> str | None:
        return self._tables.active.get(jurisdiction)

    def bundle(self, bundle_id: str) -> bytes | None:
        return self._tables.bundles.get(bundle_id)

    def journal_after(self, position: int, limit: int) -> list[JournalRow]:
        self._at("journal_after")
        return self._tables.journal[position : position + limit]

    def journal_of(self, incident_id: str, up_to_seq: int | None = None) -> list[JournalRow]:
        self._at("journal_of")
        stored = self._tables.incidents.get(incident_id)
        last = 0 if stored is None else stored.incident.seq
        seqs = range(1, (last if up_to_seq is None else min(last, up_to_seq)) + 1)
        return [self._tables.rows[incident_id, seq] for seq in seqs]

    def last_position(self) -> int:
        return len(self._tables.journal)

    def cursor(self, name: str) -> int:
        self._at("cursor")
        return self._tables.cursors.get(name, 0)

    def move_cursor(self, name: str, position: int) -> None:
        self._at("move_cursor")
        self._tables.cursors[name] = position
        self._at("committed")

    def bodies(self, refs: Collection[str]) -> dict[str, Body]:
        self._at("bodies")
        return {ref: _read(self._tables.bodies[ref]) for ref in sorted(refs) if ref in self._tables.bodies}

    def due_before(self, now: datetime, limit: int) -> list[tuple[datetime, str]]:
        self._at("due_before")
        stored = self._tables.incidents.items()
        return sorted((it.due_at, name) for name, it in stored if it.due_at is not None and it.due_at < now)[:limit]

    def next_due(self) -> datetime | None:
        return min((it.due_at for it in self._tables.incidents.values() if it.due_at is not None), default=None)

    def counts(self) -> Counts:
        states = [it.incident.state for it in self._tables.incidents.values()]
        by_state: dict[str, int] = {state: states.count(state) for state in NOT_OVER_STATES}
        return Counts(open_by_state=by_state, letters=len(self._tables.letters))


def _read(kept: NewBody) -> Body:
    return Body(
        ref=kept.ref,
        jurisdiction=kept.jurisdiction,
        incident_id=kept.incident_id,
        kind=kept.kind,
        at=kept.at,
        lat=kept.lat,
        lon=kept.lon,
        text=kept.text,
        doc=kept.doc,
    )
