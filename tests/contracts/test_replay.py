"""The journal alone rebuilds the tables, whatever happened; what was changed behind its back is named and put right."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import msgspec
import pytest
from sqlalchemy import delete, text, update

from dispatcher.service.replaying import Replayed, repair, verify
from dispatcher.store import Changes, Erasure, Store, StoreLocked, tables
from schemas.events import AnyEvent
from tests.contracts.lives import Lives
from tests.contracts.spine_making import NOON, Bench

EVER = NOON - timedelta(days=400)
# What dice have too little patience for; their own tests fold them.
RARE = {"StormDeclared", "StormJoined", "AttachmentsAdded"}
KINDS = {kind.__name__ for kind in get_args(AnyEvent)}


def replayed(store: Store, since: datetime = EVER) -> Replayed:
    counted: list[int] = []
    found = verify(store, keys_since=since, progress=counted.append)
    if found.is_equal:
        folded = store.last_position() - len([row for row in store.journal_after(0, 99_999) if row.incident_id is None])
        assert sum(counted) == store.last_position() + folded
    return found


def put_right(store: Store) -> Replayed:
    return repair(store, keys_since=EVER, progress=lambda _: None)


@pytest.fixture
def lived(store: Store) -> Lives:
    bench = Bench(store)
    bench.publish()
    lives = Lives(bench, seed=7)
    lives.live(20)
    return lives


def test_every_history_is_rebuilt(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    bench = Bench(store)
    bench.publish()
    lives = Lives(bench, seed=0)
    for _ in range(4):
        lives.live(150)
        assert replayed(store).is_equal
    assert sorted(KINDS - RARE - lives.happened.keys()) == []
    found = replayed(store)
    assert found.is_equal, found
    assert found.content is not None
    assert found.rows_count == store.last_position()
    store.close()


def test_both_stores_hold_what_the_journal_tells(store: Store, lived: Lives) -> None:
    found = replayed(store)
    assert found.is_equal, found
    assert put_right(store).repaired_count == 0
    lived.live(5)
    assert replayed(store).content != found.content


def test_erased_bodies_change_nothing(store: Store, lived: Lives) -> None:
    before = replayed(store)
    with store.begin() as txn:
        txn.save(Changes(erasures=[Erasure(tuple(lived.reports), (), lived.bench.now)]))
    after = replayed(store)
    assert after.is_equal, after
    assert after.content == before.content


@pytest.mark.parametrize(
    ("harm", "table", "field"),
    [
        ("UPDATE incidents SET state = 'closed' WHERE id = '{id}'", "incidents", "state"),
        ("UPDATE incidents SET due_at = 5 WHERE id = '{id}'", "incidents", "due_at"),
        ("UPDATE incidents SET group_cell = '1:1' WHERE id = '{id}'", "incidents", "group_cell"),
        ("UPDATE incidents SET id = 'x' WHERE id = '{id}'", "incidents", ""),
        ("DELETE FROM incidents WHERE id = '{id}'", "incidents", ""),
        ("UPDATE queue SET clock_due_at = 5 WHERE incident_id = '{id}'", "queue", "clock_due_at"),
        ("DELETE FROM queue WHERE incident_id = '{id}'", "queue", ""),
        ("UPDATE parties SET role = 'copied' WHERE incident_id = '{id}' AND role = 'copy'", "parties", "role"),
        ("UPDATE parties SET responder = 'x' WHERE incident_id = '{id}' AND role = 'copy'", "parties", ""),
        ("DELETE FROM parties WHERE incident_id = '{id}'", "parties", ""),
        ("UPDATE reports SET seq = 99 WHERE incident_id = '{id}'", "reports", "seq"),
        ("DELETE FROM reports WHERE incident_id = '{id}'", "reports", ""),
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("lived")
def test_what_was_changed_behind_its_back_is_named_and_put_right(
    store: Store, harm: str, table: str, field: str
) -> None:
    content = replayed(store).content
    with store._writer.begin() as connection:
        told_only = "SELECT min(incident_id) FROM parties WHERE role = 'copy'"
        harmed = connection.exec_driver_sql(told_only).scalar_one()
        assert connection.exec_driver_sql(harm.format(id=harmed)).rowcount > 0
    found = replayed(store)
    assert found.difference is not None
    assert (found.difference.table, found.difference.incident_id, found.difference.field) == (table, harmed, field)
    assert put_right(store).repaired_count > 0
    assert replayed(store).content == content


@pytest.mark.usefixtures("lived")
def test_tables_that_are_gone_are_made_again(store: Store) -> None:
    content = replayed(store).content
    with store._writer.begin() as connection:
        for table in ("parties", "queue", "incidents"):
            connection.execute(delete(tables.metadata.tables[table]))
    assert replayed(store).difference is not None
    assert put_right(store).repaired_count > 0
    assert replayed(store).content == content


@pytest.mark.usefixtures("lived")
def test_rows_that_no_history_accounts_for_are_named_and_go(store: Store) -> None:
    content = replayed(store).content
    for table, key in (("incidents", "id"), ("queue", "incident_id"), ("parties", "incident_id"), ("reports", "key")):
        names = [column.name for column in tables.metadata.tables[table].columns]
        value = "x'00'" if store.dialect == "sqlite" else "'\\x00'::bytea"
        other = value if key == "key" else "'nowhere'"
        chosen = ", ".join(other if name == key else name for name in names)
        with store._writer.begin() as connection:
            connection.execute(text(f"INSERT INTO {table} SELECT {chosen} FROM {table} LIMIT 1"))  # noqa: S608
        found = replayed(store)
        assert found.difference is not None
        assert (found.difference.table, found.difference.stored, found.difference.rebuilt) == (table, "a row", "no row")
        assert put_right(store).repaired_count == 1
        assert replayed(store).content == content


def test_a_repaired_key_answers_the_repeated_report(store: Store, lived: Lives) -> None:
    """Its content hash is made again from the body; without the body it cannot be, and that is said."""
    taken = lived.bench.taken("again", "something new")
    erased = lived.bench.taken("gone", "something else new")
    with store.begin() as txn:
        txn.save(Changes(erasures=[Erasure((erased.report_id,), (), lived.bench.now)]))
    with store._writer.begin() as connection:
        for gone in (taken, erased):
            connection.execute(delete(tables.reports).where(tables.reports.c.report_id == gone.report_id))
    made = put_right(store)
    assert (made.repaired_count, made.not_repaired_count) == (1, 1)
    assert lived.bench.taken("again", "something new") == taken


@pytest.mark.usefixtures("lived")
def test_words_of_a_repaired_queue_row_are_found_again(store: Store) -> None:
    with store.reading() as connection:
        before = connection.exec_driver_sql("SELECT incident_id, words FROM queue ORDER BY 1").all()
    with store._writer.begin() as connection:
        connection.exec_driver_sql("DELETE FROM queue")
    put_right(store)
    with store.reading() as connection:
        after = connection.exec_driver_sql("SELECT incident_id, words FROM queue ORDER BY 1").all()
    assert [(row[0], set(row[1].split("\n"))) for row in after] == [(row[0], set(row[1].split("\n"))) for row in before]


def test_keys_whose_time_is_over_need_not_be_there(store: Store, lived: Lives) -> None:
    bench = lived.bench
    bench.wait(40 * 24 * 60)
    since = bench.now - timedelta(days=30)
    assert store.purge_keys(since, 10_000) > 0
    assert replayed(store, since).is_equal
    again = bench.taken("7-1", "told once more, after its time")
    assert replayed(store, since).is_equal
    assert replayed(store).difference is not None
    bench.wait(1)
    assert bench.taken("7-1", "told once more, after its time") == again


def test_a_broken_chain_stops_everything(store: Store, lived: Lives) -> None:
    assert lived.happened
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE journal SET actor = 'somebody' WHERE position = 3")
        connection.exec_driver_sql("DELETE FROM parties")
    assert (replayed(store).broken_at, put_right(store).repaired_count) == (3, 0)
    assert not replayed(store).is_equal


def test_an_empty_database_is_equal(store: Store) -> None:
    found = replayed(store)
    assert (found.is_equal, found.rows_count, found.incidents_count, found.head) == (True, 0, 0, "00" * 32)


def test_tables_written_by_an_older_release_are_no_difference(store: Store, lived: Lives) -> None:
    """A document whose fields stand in another order says the same."""
    incident_id = lived.incidents[0]
    with store.begin() as txn:
        before = txn.load([incident_id])[incident_id]
    doc = msgspec.json.encode(dict(sorted(msgspec.to_builtins(before).items())))
    with store._writer.begin() as connection:
        connection.execute(update(tables.incidents).where(tables.incidents.c.id == incident_id).values(doc=doc))
    assert replayed(store).is_equal


def test_nobody_else_may_be_at_work_while_tables_are_put_right(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    with store._writer.connect() as other:
        other.exec_driver_sql("SET application_name = 'liandong elsewhere 7'")
        with pytest.raises(StoreLocked, match="other Liandong processes"):
            put_right(store)
        other.exec_driver_sql("SET application_name = 'psql'")
        assert put_right(store).is_equal
    store.close()
