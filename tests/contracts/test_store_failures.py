"""When the database is held, full, away or unsure: the right error, and work again afterwards without reopening."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Changes, Conflict, NewBody, Store, StoreLocked, StoreUnavailable
from tests.contracts.cut_line import cut_line
from tests.contracts.store_samples import HERE, NOON, change, claimed, hashed, ident, opening, save

PROJECT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from dispatcher.store import Store

store = Store.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────────
def test_a_second_store_on_the_same_file_is_refused(sqlite_url: str) -> None:
    first = Store.open(sqlite_url)
    with pytest.raises(StoreLocked, match=rf"pid {os.getpid()}\b"):
        Store.open(sqlite_url)
    beside = Store.open(sqlite_url, exclusive=False)
    assert beside.last_position() == 0
    beside.close()
    first.close()
    Store.open(sqlite_url).close()


def test_another_process_holds_the_file_until_it_dies(sqlite_url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, sqlite_url], cwd=PROJECT, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked, match=rf"pid {holder.pid}\b"):
            Store.open(sqlite_url)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    store = Store.open(sqlite_url)
    save(store, opening(1))
    store.close()


def test_a_full_disk_is_unavailable_until_there_is_room(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    _set(store, "max_page_count=60")
    big = [NewBody(HERE, ident(1, "R"), ident(1), "said", NOON, b'{"note": "' + b"x" * 1_000_000 + b'"}')]
    with pytest.raises(StoreUnavailable, match="full"):
        save(store, Changes(bodies=big))
    _set(store, "max_page_count=100000")
    save(store, Changes(bodies=big))
    assert store.body(ident(1, "R")) is not None
    store.close()


def test_a_foreign_writer_makes_it_unavailable_for_a_while(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    _set(store, "busy_timeout=50")
    foreign = sqlite3.connect(tmp_path / "liandong.sqlite", isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        save(store, opening(1))
    assert store.last_position() == 0
    foreign.execute("ROLLBACK")
    foreign.close()
    save(store, opening(1))
    store.close()


def _set(store: Store, pragma: str) -> None:
    with store._writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA {pragma}").close()


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.slow
def test_a_stopped_server_is_unavailable_and_comes_back(mortal_postgres: PostgresServer) -> None:
    store = Store.open(mortal_postgres.create_database("away"))
    save(store, opening(1))
    for stop in (mortal_postgres.stop, mortal_postgres.crash):
        stop()
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            save(store, opening(2))
        with pytest.raises(StoreUnavailable):
            store.last_position()
        with pytest.raises(StoreUnavailable):
            Store.open(mortal_postgres.dsn)
        assert time.monotonic() - started < 10
        mortal_postgres.start()
        assert store.last_position() == 1
        with store.begin() as txn:
            assert set(txn.load([ident(1), ident(2)])) == {ident(1)}
    store.close()


@pytest.mark.slow
def test_a_server_that_dies_within_a_transaction(mortal_postgres: PostgresServer) -> None:
    store = Store.open(mortal_postgres.create_database("dies"))

    def die_before(last: Changes) -> None:
        with store.begin() as txn:
            txn.active_bundles()
            mortal_postgres.crash()
            txn.save(last)

    with pytest.raises(StoreUnavailable):
        die_before(opening(1))
    mortal_postgres.start()
    assert store.last_position() == 0
    save(store, opening(1))
    store.close()


def test_a_lost_answer_to_commit_is_unavailable_and_a_retry_finds_its_keys(mortal_postgres: PostgresServer) -> None:
    url = mortal_postgres.create_database("unsure")
    with cut_line(mortal_postgres.port) as line:
        store = Store.open(url.replace(f":{mortal_postgres.port}/", f":{line.port}/"))
        save(store, opening(1))
        line.armed.set()
        with pytest.raises(StoreUnavailable):
            save(store, opening(2))
        line.armed.clear()
        with store.begin() as txn:
            assert set(txn.known_reports([hashed(ident(2))])) == {hashed(ident(2))}
        with pytest.raises(Conflict):
            save(store, opening(2))
        assert [each.incident_id for each in store.journal_after(0, 9)] == [ident(1), ident(2)]
        store.close()


@pytest.mark.slow
def test_who_sleeps_with_the_journal_lock_is_thrown_out(postgres_url: str) -> None:
    """A paused process holds the lock at most 5 s; its batch is rolled back and it is told so."""
    store, other = Store.open(postgres_url), Store.open(postgres_url)
    holding = threading.Event()
    told: list[type[BaseException]] = []

    def sleep_in_transaction() -> None:
        try:
            with store.begin() as txn:
                txn.save(opening(1))
                holding.set()
                time.sleep(7)
        except StoreUnavailable as error:
            told.append(type(error))

    sleeper = threading.Thread(target=sleep_in_transaction)
    sleeper.start()
    assert holding.wait(10)
    started = time.monotonic()
    save(other, opening(2))
    assert 3 < time.monotonic() - started < 6.5
    sleeper.join(20)
    assert told == [StoreUnavailable]
    assert [each.incident_id for each in store.journal_after(0, 9)] == [ident(2)]
    save(store, opening(1))
    store.close()
    other.close()


def test_two_writers_of_one_incident_wait_and_the_second_sees_the_first(postgres_url: str) -> None:
    store, other = Store.open(postgres_url), Store.open(postgres_url)
    save(store, opening(1))
    seen: list[int] = []

    def second() -> None:
        with other.begin() as txn:
            seen.append(txn.load([ident(1)])[ident(1)].seq)

    with store.begin() as txn:
        changes = change(txn, 1, claimed)
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        txn.save(changes)
    thread.join(10)
    assert seen == [2]
    store.close()
    other.close()


def test_a_deadlock_is_a_conflict_for_one_of_two(postgres_url: str) -> None:
    stores = [Store.open(postgres_url), Store.open(postgres_url)]
    for number in (1, 2):
        save(stores[0], opening(number))
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def cross(store: Store, first: int, second: int) -> None:
        try:
            with store.begin() as txn:
                txn.load([ident(first)])
                barrier.wait(10)
                txn.load([ident(second)])
            outcomes.append("done")
        except Conflict:
            outcomes.append("conflict")

    threads = [
        threading.Thread(target=cross, args=(stores[0], 1, 2)),
        threading.Thread(target=cross, args=(stores[1], 2, 1)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["conflict", "done"]
    for store in stores:
        store.close()
