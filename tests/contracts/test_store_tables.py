"""Migrations make what tables.py says; the settings we promise are those that run; questions use their indexes."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from dispatcher.store import Store, StoreError, migrate, tables
from tests.contracts.store_samples import HERE, NOON, ident, opening, save


def test_migrations_make_the_tables_of_the_code(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, tables.metadata)
    assert found == []


def test_the_newest_revision_is_the_one_the_code_expects() -> None:
    scripts = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))
    assert scripts.get_heads() == [migrate.HEAD]


def test_a_database_of_a_newer_release_is_refused(store_url: str) -> None:
    store = Store.open(store_url)
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match="revision 9999"):
        Store.open(store_url)


def test_who_only_looks_on_creates_nothing(store_url: str) -> None:
    with pytest.raises(StoreError, match=r"no database|revision None"):
        Store.open(store_url, exclusive=False)
    Store.open(store_url).close()
    beside = Store.open(store_url, exclusive=False)
    assert beside.last_position() == 0
    beside.close()


def test_processes_that_start_together_make_the_tables_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(Store.open, [postgres_url] * 4))
    assert len({store.secret() for store in stores}) == 1
    for store in stores:
        store.close()


def test_strange_databases_are_refused_with_a_sentence() -> None:
    with pytest.raises(StoreError, match="SQLite or PostgreSQL"):
        Store.open("mysql://localhost/x")
    with pytest.raises(StoreError, match="named by a URL") as malformed:
        Store.open("liandong:geheim@nowhere")
    assert "geheim" not in str(malformed.value)
    with pytest.raises(StoreError, match="needs a file"):
        Store.open("sqlite://")


def test_sqlite_runs_wal_with_full_sync(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    for engine in (store._writer, store._reader):
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        assert (mode, synchronous) == ("wal", 2)
    assert stat.S_IMODE((tmp_path / "liandong.sqlite").stat().st_mode) == 0o600
    store.close()
    assert not (tmp_path / "liandong.sqlite-wal").exists()


def test_postgres_is_durable_and_throws_out_the_idle(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    with store._writer.connect() as connection:
        for name, value in (
            ("synchronous_commit", "on"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("transaction_isolation", "read committed"),
        ):
            assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value
    store.close()


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("SELECT id FROM incidents WHERE due_at IS NOT NULL AND due_at < 5 ORDER BY due_at, id", "incidents_due"),
        ("SELECT id FROM incidents WHERE jurisdiction = 'x' AND state = 'offered' ORDER BY id", "incidents_state"),
        ("SELECT * FROM journal WHERE incident_id = 'x' ORDER BY seq", "journal_incident"),
        ("SELECT incident_id FROM parties WHERE jurisdiction = 'x' AND responder = 'y'", "PRIMARY KEY"),
    ],
)
def test_questions_use_their_indexes(sqlite_url: str, question: str, index: str) -> None:
    store = Store.open(sqlite_url)
    assert index in plan(store, question)
    store.close()


def test_keys_are_looked_up_one_by_one_and_never_scanned_for(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    save(store, opening(1, grouped=True))
    asked: list[str] = []
    with store.begin() as txn:
        original = txn._connection.exec_driver_sql

        def spy(statement: str, parameters: tuple[object, ...] = ()) -> object:
            explained = original(f"EXPLAIN QUERY PLAN {statement}", parameters)
            asked.append(" | ".join(str(line[-1]) for line in explained))
            return original(statement, parameters)

        txn._connection.exec_driver_sql = spy  # type: ignore[method-assign, assignment]
        txn.known_reports([b"k" * 16, b"l" * 16])
        txn.known_commands([("a", "b"), ("c", "d")])
        txn.known_letters([b"k" * 16])
        txn.journal_rows([(ident(1), 1)])
        txn.group_candidates(HERE, [("c", "1:1"), ("c", "1:2")], [("c", "p")], NOON)
        txn.load([ident(1), ident(2)])
        del txn._connection.exec_driver_sql
    assert len(asked) == 7
    for one in asked:
        assert "SCAN t" not in one, one
        assert "SEARCH t USING" in one, one


def plan(store: Store, question: str) -> str:
    with store.reading() as connection:
        lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}").all()
    return " | ".join(str(line[-1]) for line in lines)
