"""The store as the loops, the views and the spine see it."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from sqlalchemy import URL, Connection, Engine, func, make_url, select
from sqlalchemy.exc import ArgumentError

from dispatcher.store import attachments, bundles, journal, letters, tables
from dispatcher.store.bodies import read_bodies
from dispatcher.store.dialect import Dialect, translated
from dispatcher.store.erasing import UNSCRUBBED
from dispatcher.store.errors import StoreError
from dispatcher.store.file_lock import FileLock
from dispatcher.store.folders import make_folder
from dispatcher.store.found import Body, Counts, Letter, StoredAttachment
from dispatcher.store.instants import to_us
from dispatcher.store.migrate import insist_on_head, migrate
from dispatcher.store.on_sqlite import OnSqlite
from dispatcher.store.purging import purge
from dispatcher.store.rebuilding import DerivedTables
from dispatcher.store.txn import Txn
from schemas.events import JournalRow
from schemas.incidents import NOT_OVER_STATES

SCRUB_AT_MOST: Final = 64 * 1_048_576  # half a second for those who write
_SECRET: Final = "keyed-hashes"  # noqa: S105 (the name of a row)


class Store:
    """One database, safe to share between threads. Made by `Store.open`."""

    def __init__(self, dialect: Dialect, writer: Engine, reader: Engine, lock: FileLock | None) -> None:
        self._dialect = dialect
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._log_holds_erased = True  # a process that was killed may have left it so

    @classmethod
    def open(cls, url: str, *, exclusive: bool = True) -> Self:
        """Open, and create or migrate, the database at a SQLAlchemy URL.

        "sqlite:////path/x.db" takes the file's lock; "postgresql+psycopg://…" is shared by any number of processes.
        `exclusive=False` is for looking on beside a running process: no lock, and neither creates nor migrates. Raises
        StoreLocked, StoreUnavailable, or StoreError with a sentence why this database will not do.
        """
        address = _address(url)
        dialect = _dialect_of(address)
        lock = _take_lock(address, exclusive=exclusive) if dialect.name == "sqlite" else None
        store = cls(dialect, *dialect.engines(address), lock)
        try:
            if exclusive:
                store._prepare()
            else:
                store._insist_on_tables()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close all connections and give the file free; on SQLite this also folds the log into the file."""
        if self._lock is not None:
            with suppress(StoreError):
                self.scrub_erased()
        self._reader.dispose()
        self._writer.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def dialect(self) -> str:
        """Which one it is: "sqlite" or "postgresql"."""
        return self._dialect.name

    @contextmanager
    def begin(self) -> Iterator[Txn]:
        """One write transaction: committed when the block ends, rolled back when it raises.

        Raises StoreUnavailable, also when the answer to COMMIT was lost and nobody knows, and Conflict.
        """
        with self._writing() as connection:
            txn = Txn(connection, self._dialect)
            yield txn
        self._log_holds_erased = self._log_holds_erased or txn.has_erased

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for questions: one snapshot from its first question on, unable to write, in nobody's way."""
        with self._translating(), self._reader.connect() as connection:
            yield connection

    # ── journal ──────────────────────────────────────────────────────────────────────────────────
    def journal_after(self, position: int, limit: int) -> list[JournalRow]:
        """The next rows in commit order; a row seen later than another never has a smaller position."""
        rows = select(tables.journal).where(tables.journal.c.position > position)
        with self.reading() as connection:
            return journal.read(connection, rows.order_by(tables.journal.c.position).limit(limit))

    def journal_of(self, incident_id: str, up_to_seq: int | None = None) -> list[JournalRow]:
        """All rows of an incident in order of seq."""
        rows = select(tables.journal).where(tables.journal.c.incident_id == incident_id)
        if up_to_seq is not None:
            rows = rows.where(tables.journal.c.seq <= up_to_seq)
        with self.reading() as connection:
            return journal.read(connection, rows.order_by(tables.journal.c.seq))

    def last_position(self) -> int:
        """Position of the newest row, 0 = the journal is empty."""
        with self.reading() as connection:
            return connection.execute(select(func.max(tables.journal.c.position))).scalar_one() or 0

    def verify_journal(self, after: int = 0) -> int | None:
        """Position of the first row past `after` that was changed or is missing; None = the chain holds."""
        with self.reading() as connection:
            return journal.first_break(connection, self._dialect, after)

    def cursor(self, name: str) -> int:
        """How far an outlet has read, 0 at first."""
        row = select(tables.cursors.c.position).where(tables.cursors.c.name == name)
        with self.reading() as connection:
            return connection.execute(row).scalar_one_or_none() or 0

    def move_cursor(self, name: str, position: int) -> None:
        statement = (
            "INSERT INTO cursors (name, position) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
        )
        with self._writing() as connection:
            connection.exec_driver_sql(statement.replace("?", self._dialect.placeholder), (name, position))

    @contextmanager
    def derived(self) -> Iterator[DerivedTables]:
        """Journal and derived tables as one snapshot."""
        with self.reading() as connection:
            yield DerivedTables(connection, self._dialect)

    @contextmanager
    def rebuilding(self) -> Iterator[tuple[DerivedTables, DerivedTables]]:
        """The same, and where rows are put right, in one transaction in which nobody else may write.

        Raises StoreLocked when another process is connected.
        """
        with self._writing() as writer:
            self._dialect.hold_alone(writer)
            with self.reading() as reader:
                yield DerivedTables(reader, self._dialect), DerivedTables(writer, self._dialect)

    # ── timers ───────────────────────────────────────────────────────────────────────────────────
    def due_before(self, now: datetime, limit: int) -> list[tuple[datetime, str]]:
        """(due_at, incident_id) of alarms strictly before `now`, earliest first, equal ones by id."""
        due_at, incident_id = tables.incidents.c.due_at, tables.incidents.c.id
        rows = select(due_at, incident_id).where(due_at.is_not(None), due_at < now).order_by(due_at, incident_id)
        with self.reading() as connection:
            return [(row[0], row[1]) for row in connection.execute(rows.limit(limit))]

    def next_due(self) -> datetime | None:
        """When the next alarm rings, None = no clock runs."""
        due_at = tables.incidents.c.due_at
        row = select(due_at).where(due_at.is_not(None)).order_by(due_at).limit(1)
        with self.reading() as connection:
            return connection.execute(row).scalar_one_or_none()

    def counts(self) -> Counts:
        """Gauges, from one index alone: 0.1 µs for each incident that is not over."""
        incident, kept = tables.incidents.c, tables.letters
        # naming the jurisdictions lets the index find the open ones among a million closed; grouped in the index's own
        # order nothing is sorted
        here = select(tables.active_bundles.c.jurisdiction)
        is_open = incident.state.in_(NOT_OVER_STATES) & incident.jurisdiction.in_(here)
        order = incident.jurisdiction, incident.state
        by_state = select(incident.state, func.count()).where(is_open).group_by(*order)
        found: dict[str, int] = dict.fromkeys(NOT_OVER_STATES, 0)
        with self.reading() as connection:
            for state, count in connection.execute(by_state):
                found[state] += count
            letters_count = connection.execute(select(func.count()).select_from(kept)).scalar_one()
        return Counts(open_by_state=found, letters=letters_count)

    # ── what goes ────────────────────────────────────────────────────────────────────────────────
    def forget_erased(self) -> bool:
        """Take what was erased out of the database's log, too; False = a reader is in the way, try again later."""
        if self._log_holds_erased:
            with self._translating():
                self._log_holds_erased = not self._dialect.forget_log(self._writer)
        return not self._log_holds_erased

    def scrub_erased(self, *, largest: int | None = SCRUB_AT_MOST) -> bool:
        """Leave nothing of erased texts in the slack of the file's pages; False = it has more than `largest` bytes.

        SQLite writes the whole file anew for that, at some 100 MB/s, and writers wait.
        """
        if self.cursor(UNSCRUBBED) == 0:
            return True
        with self.reading() as connection:
            size = self._dialect.file_bytes(connection)
        if largest is not None and (size or 0) > largest:
            return False
        with self._translating():
            self._dialect.scrub(self._writer, in_memory=(size or 0) <= SCRUB_AT_MOST)
        self.move_cursor(UNSCRUBBED, 0)
        self._log_holds_erased = True
        self.forget_erased()
        return True

    def purge_keys(self, before: datetime, limit: int) -> int:
        """Delete dedupe keys taken before then, at most `limit` of reports and of commands; returns how many."""
        with self._writing() as connection:
            return purge(connection, self._dialect, to_us(before), limit)

    # ── bundles, bodies, the rest ────────────────────────────────────────────────────────────────
    def jurisdictions(self) -> list[str]:
        """Those for which a bundle was published, sorted."""
        with self.reading() as connection:
            return sorted(bundles.active_bundles(connection))

    def active_bundle(self, jurisdiction: str) -> str | None:
        with self.reading() as connection:
            return bundles.active_bundles(connection).get(jurisdiction)

    def bundle(self, bundle_id: str) -> bytes | None:
        with self.reading() as connection:
            return bundles.bundle(connection, self._dialect, bundle_id)

    def body(self, ref: str) -> Body | None:
        return self.bodies([ref]).get(ref)

    def bodies(self, refs: Collection[str]) -> dict[str, Body]:
        """Personal data by ref (a report's is its report_id); unknown refs are absent."""
        with self.reading() as connection:
            return read_bodies(connection, refs)

    def letter(self, letter_id: str) -> Letter | None:
        """A dead letter with its bytes."""
        with self.reading() as connection:
            return letters.read_letters(connection, [letter_id]).get(letter_id)

    # ── attachments ──────────────────────────────────────────────────────────────────────────────
    def attachments(self, attachment_ids: Collection[str]) -> dict[str, StoredAttachment]:
        """By id; unknown ones are absent."""
        with self.reading() as connection:
            return attachments.read_attachments(connection, attachment_ids)

    def drop_unused_attachments(self, before: datetime) -> int:
        """Forget attachments sent before then that nothing names; returns how many."""
        with self._writing() as connection:
            return attachments.drop_unused(connection, before)

    def erased_files(self, limit: int) -> list[str]:
        """Names of files that erased attachments had, until they are forgotten."""
        with self.reading() as connection:
            return attachments.erased_files(connection, limit)

    def needed_files(self, names: Collection[str]) -> set[str]:
        """Those of the names that an attachment still has."""
        with self.reading() as connection:
            return attachments.needed_files(connection, names)

    def forget_files(self, names: Collection[str]) -> None:
        """Erased attachments do not name these files any more."""
        with self._writing() as connection:
            attachments.forget_files(connection, names)

    def secret(self) -> bytes:
        """32 random bytes, made when the database was: the key of keyed hashes."""
        row = select(tables.secrets.c.value).where(tables.secrets.c.name == _SECRET)
        with self.reading() as connection:
            return bytes(connection.execute(row).scalar_one())

    def database_now(self) -> datetime:
        with self.reading() as connection:
            return self._dialect.now(connection)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────
    def _prepare(self) -> None:
        with self._writing() as connection:
            self._dialect.check(connection)
            migrate(connection, self._dialect)
            connection.exec_driver_sql(
                "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING".replace(
                    "?", self._dialect.placeholder
                ),
                (_SECRET, secrets.token_bytes(32)),
            )

    def _insist_on_tables(self) -> None:
        with self.reading() as connection:
            insist_on_head(connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._translating(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            meant = translated(self._dialect, error)
            if meant is None:
                raise
            raise meant from None  # the driver's own words quote the rows


def _address(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the URL is not repeated: it may hold a password
        raise StoreError("a database is named by a URL such as sqlite:////srv/liandong.db") from None


def _dialect_of(address: URL) -> Dialect:
    kind = address.get_backend_name()
    if kind == "postgresql":
        from dispatcher.store.on_postgres import OnPostgres  # noqa: PLC0415 - its driver takes 0.2 s to import

        return OnPostgres()
    if kind != "sqlite":
        raise StoreError(f"Liandong keeps its data in SQLite or PostgreSQL, not in {kind}")
    if not address.database or address.database == ":memory:":
        raise StoreError("SQLite needs a file: a store that forgets is no store")
    return OnSqlite()


def _take_lock(address: URL, *, exclusive: bool) -> FileLock | None:
    path = Path(str(address.database))
    if exclusive:
        make_folder(path.parent)
        return FileLock(path)
    if not path.exists():
        raise StoreError(f"there is no database {path}")
    return None
