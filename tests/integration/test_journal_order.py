"""Three ways in which a tail of a PostgreSQL table goes wrong, shown on a naive table and absent in our journal.

1. "id > last seen": numbers are given before commit, so what commits late is skipped for ever.
2. The oldest-transaction horizon (rows of transactions older than every running one, in order of transaction): nothing
   is skipped, but a transaction that began early and wrote late shows version 2 of a thing before version 1.
3. The same horizon counts the whole server: one idle writer in another database stalls the tail.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from deploy.local.postgres_databases import PostgresDatabases
from dispatcher.store import Changes, Store
from tests.contracts.store_samples import change, claimed, ident, incident, opening, opening_of, save

NAIVE = """
CREATE TABLE naive (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    thing text NOT NULL,
    version int NOT NULL
)
"""
ADD = "INSERT INTO naive (thing, version) VALUES (%s, %s)"
BY_HORIZON = """
SELECT xid::text::bigint, id, thing, version FROM naive
WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) AND (xid::text::bigint, id) > (%s, %s)
ORDER BY xid, id
"""
Line = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def dsn(postgres_url: str) -> str:
    plain = postgres_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as line:
        line.execute(NAIVE)
    return plain


@pytest.fixture
def lines(dsn: str) -> Iterator[tuple[Line, Line, Line]]:
    """Two writers and, committing each question at once, a reader."""
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as two, psycopg.connect(dsn, autocommit=True) as reader:
        yield one, two, reader


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = Store.open(postgres_url)
    yield opened
    opened.close()


class HorizonTail:
    """Remembers the last (transaction, id) it has shown."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._last = (0, 0)

    def look(self) -> list[tuple[str, int]]:
        rows = self._line.execute(BY_HORIZON, self._last).fetchall()
        if rows:
            self._last = (rows[-1][0], rows[-1][1])
        return [(row[2], row[3]) for row in rows]


def _wait_for_rows(tail: HorizonTail) -> list[tuple[str, int]]:
    """Other tests of this run may write on the same server, which holds the horizon back for a while."""
    deadline = time.monotonic() + 30
    shown: list[tuple[str, int]] = []
    while not shown and time.monotonic() < deadline:
        shown = tail.look()
    return shown


# ── 1: id > last seen ─────────────────────────────────────────────────────────────────────────────
def test_naive_tail_by_id_skips_what_commits_late(lines: tuple[Line, Line, Line]) -> None:
    slow, quick, reader = lines
    slow.execute(ADD, ("slow", 1))
    quick.execute(ADD, ("quick", 1))
    quick.commit()
    seen = reader.execute("SELECT id, thing FROM naive WHERE id > 0 ORDER BY id").fetchall()
    slow.commit()
    seen += reader.execute("SELECT id, thing FROM naive WHERE id > %s ORDER BY id", (seen[-1][0],)).fetchall()
    assert [thing for _, thing in seen] == ["quick"], "the slow one is there, and is never seen"
    assert reader.execute("SELECT count(*) FROM naive").fetchone() == (2,)


def test_our_tail_sees_what_commits_late(store: Store, postgres_url: str) -> None:
    other = Store.open(postgres_url)
    seen: list[str | None] = []

    def look() -> None:
        seen.extend(row.incident_id for row in store.journal_after(len(seen), 10))

    with store.begin() as slow:
        slow.save(Changes(bodies=opening(1).bodies))  # it has written, and has no position yet
        save(other, opening(2))
        look()
        slow.save(Changes(opened=opening(1).opened, journal=opening(1).journal))
        look()
    look()
    assert seen == [ident(2), ident(1)]
    assert [row.position for row in store.journal_after(0, 10)] == [1, 2]
    other.close()


def test_who_has_a_position_commits_before_anybody_gets_the_next(store: Store, postgres_url: str) -> None:
    other = Store.open(postgres_url)
    quick = threading.Thread(target=save, args=(other, opening(2)))
    with store.begin() as slow:
        slow.save(opening(1))
        quick.start()
        time.sleep(0.5)
        assert quick.is_alive(), "it waits for the journal lock"
        assert store.journal_after(0, 10) == []
    quick.join(10)
    assert [(row.position, row.incident_id) for row in store.journal_after(0, 10)] == [(1, ident(1)), (2, ident(2))]
    other.close()


# ── 2: the oldest-transaction horizon, in order of transaction ────────────────────────────────────
def test_horizon_tail_shows_version_2_before_version_1(lines: tuple[Line, Line, Line]) -> None:
    early, late, reader = lines
    early.execute(ADD, ("something else", 1))
    late.execute(ADD, ("lamp", 1))
    late.commit()
    early.execute(ADD, ("lamp", 2))
    early.commit()
    shown = _wait_for_rows(HorizonTail(reader))
    assert [version for thing, version in shown if thing == "lamp"] == [2, 1]


def test_our_tail_shows_versions_in_order(store: Store, postgres_url: str) -> None:
    other = Store.open(postgres_url)
    save(store, opening(7))
    with store.begin() as early:
        early.save(Changes(bodies=opening(9).bodies))  # its transaction id is older than that of the row it will change
        save(other, opening(1))
        early.save(change(early, 1, claimed))
    rows = [(row.incident_id, row.seq) for row in store.journal_after(0, 10)]
    assert rows == [(ident(7), 1), (ident(1), 1), (ident(1), 2)]
    other.close()


# ── 3: the horizon of the whole server ────────────────────────────────────────────────────────────
@pytest.fixture
def idle_elsewhere(postgres_server: PostgresDatabases) -> Iterator[Line]:
    """A transaction that has written in another database of the same server, and then does nothing."""
    name = f"liandong_test_{uuid.uuid4().hex}"
    url = postgres_server.create(name).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as line:
        line.execute("CREATE TABLE somewhere (x int)")
        yield line
        line.rollback()
    postgres_server.drop(name)


def test_horizon_tail_is_stalled_by_a_writer_in_another_database(
    lines: tuple[Line, Line, Line], idle_elsewhere: Line
) -> None:
    writer, _, reader = lines
    tail = HorizonTail(reader)
    writer.execute(ADD, ("lamp", 1))
    writer.commit()
    assert tail.look() == [], "committed, and not shown"
    idle_elsewhere.rollback()
    assert _wait_for_rows(tail) == [("lamp", 1)]


def test_our_tail_does_not_care_about_other_databases(store: Store, idle_elsewhere: Line) -> None:
    assert not idle_elsewhere.closed
    save(store, opening_of(incident(1)))
    assert [row.incident_id for row in store.journal_after(0, 10)] == [ident(1)]
