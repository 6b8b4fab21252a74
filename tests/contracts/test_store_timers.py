"""Timers and cursors: in due order, strictly before, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from dispatcher.store import Store
from tests.contracts.store_samples import NOON, change, claimed, ident, opening, save


def test_due_is_strictly_before_and_in_due_order(store: Store) -> None:
    step = timedelta(microseconds=1)
    for number, due_at in ((1, NOON + step), (2, NOON), (3, NOON - step), (4, None), (5, NOON)):
        save(store, opening(number, due_at=due_at))
    assert store.next_due() == NOON - step
    assert store.due_before(NOON - step, 10) == []
    assert store.due_before(NOON, 10) == [(NOON - step, ident(3))]
    assert store.due_before(NOON + step, 10) == [(NOON - step, ident(3)), (NOON, ident(2)), (NOON, ident(5))]
    assert store.due_before(NOON + 9 * step, 2) == [(NOON - step, ident(3)), (NOON, ident(2))]


def test_a_change_moves_and_removes_the_alarm(store: Store) -> None:
    save(store, opening(1, due_at=NOON))
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed, NOON + timedelta(hours=4)))
    assert store.next_due() == NOON + timedelta(hours=4)
    with store.begin() as txn:
        txn.save(change(txn, 1, lambda before: replace(before, seq=3, state="resolved"), None))
    assert store.next_due() is None
    assert store.due_before(NOON + timedelta(days=1), 10) == []


def test_a_cursor_starts_at_nothing_and_stays_where_it_was_put(store: Store, store_url: str) -> None:
    assert store.cursor("kafka") == 0
    store.move_cursor("kafka", 2**40)
    store.move_cursor("webhook", 7)
    store.move_cursor("kafka", 2**40 + 1)
    store.close()
    store = Store.open(store_url)
    assert (store.cursor("kafka"), store.cursor("webhook")) == (2**40 + 1, 7)
    store.close()


def test_the_databases_clock_is_a_clock(store: Store) -> None:
    with store.begin() as txn:
        inside = txn.now()
    outside = store.database_now()
    assert abs(outside - datetime.now(UTC)) < timedelta(seconds=60)
    assert timedelta() <= outside - inside < timedelta(seconds=60)
