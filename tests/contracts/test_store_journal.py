"""Positions are commit order without gaps, whoever writes; the chain tells what was tampered with."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from dispatcher.store import Changes, Conflict, Store
from schemas.events import JournalRow
from tests.contracts.store_samples import HERE, NOON, change, claimed, conflict, ident, incident, opening, row, save


def test_rows_come_back_in_order_with_their_events(store: Store) -> None:
    save(store, opening(1))
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed))
    alone = replace(row(incident(2)), incident_id=None, seq=0)
    save(store, Changes(journal=[alone, alone]))
    rows = store.journal_after(0, 10)
    assert [(each.position, each.incident_id, each.seq) for each in rows] == [
        (1, ident(1), 1),
        (2, ident(1), 2),
        (3, None, 0),
        (4, None, 0),
    ]
    assert rows[0] == JournalRow(
        position=1,
        jurisdiction=HERE,
        incident_id=ident(1),
        seq=1,
        command_id="c-1",
        actor="local",
        at=NOON,
        events=row(incident(1)).events,
    )
    assert store.journal_after(1, 2) == rows[1:3]
    assert store.journal_after(4, 2) == []
    assert store.journal_of(ident(1)) == rows[:2]
    assert store.journal_of(ident(1), 1) == rows[:1]
    assert store.last_position() == 4


def test_the_same_row_of_an_incident_cannot_be_written_twice(store: Store) -> None:
    save(store, opening(1))
    with conflict():
        save(store, Changes(journal=[row(incident(1))]))


def test_concurrent_writers_leave_no_gap_and_a_tail_misses_nothing(store: Store, store_url: str) -> None:
    """Eight writers in two stores (as two processes would be) against one reader that only says `position > last`."""
    others = [store] if store.dialect == "sqlite" else [store, Store.open(store_url)]
    batches = [(number, others[number % len(others)]) for number in range(64)]

    def write(number: int, by: Store) -> None:
        parts = [opening(number * 10 + each) for each in range(3)]
        with by.begin() as txn:
            txn.active_bundles()
            time.sleep(0.001 * (number % 5))
            txn.save(
                Changes(
                    reports=[part.reports[0] for part in parts],
                    opened=[part.opened[0] for part in parts],
                    journal=[part.journal[0] for part in parts],
                )
            )

    seen: list[JournalRow] = []
    done = threading.Event()

    def tail() -> None:
        while True:
            last_look = done.is_set()
            rows = store.journal_after(seen[-1].position if seen else 0, 7)
            seen.extend(rows)
            if last_look and not rows:
                return

    tailing = threading.Thread(target=tail)
    tailing.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda batch: write(*batch), batches))
    done.set()
    tailing.join(30)
    assert [each.position for each in seen] == list(range(1, 64 * 3 + 1))
    assert len({each.incident_id for each in seen}) == 64 * 3
    assert store.verify_journal() is None
    for other in others[1:]:
        other.close()


def test_of_writers_that_race_for_a_report_one_wins(store: Store, store_url: str) -> None:
    other = store if store.dialect == "sqlite" else Store.open(store_url)
    start = threading.Barrier(2)

    def race(by: Store, number: int) -> str:
        mine = opening(number)
        mine.reports = opening(1).reports
        start.wait(10)
        try:
            save(by, mine)
        except Conflict:
            return "lost"
        return "won"

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.submit(race, store, 1), pool.submit(race, other, 2)
            results = {first.result(), second.result()}
        assert "lost" in results
    assert store.last_position() == 1
    if other is not store:
        other.close()


@pytest.mark.parametrize(
    ("harm", "found_at"),
    [
        ("UPDATE journal SET actor = 'somebody' WHERE position = 3", 3),
        ("UPDATE journal SET at = at + 1 WHERE position = 1", 1),
        ("UPDATE journal SET payload = (SELECT payload FROM journal WHERE position = 5) WHERE position = 2", 2),
        ("DELETE FROM journal WHERE position = 4", 4),
        ("DELETE FROM journal WHERE position = 1", 1),
        ("UPDATE journal SET position = position + 1000 WHERE position = 6", 6),
    ],
)
def test_the_chain_tells_what_was_changed(store: Store, harm: str, found_at: int) -> None:
    for number in range(1, 5):
        save(store, opening(number))
        with store.begin() as txn:
            txn.save(change(txn, number, claimed))
    assert store.verify_journal() is None
    assert store.verify_journal(after=5) is None
    with store._writer.begin() as connection:
        connection.exec_driver_sql(harm)
    assert store.verify_journal() == found_at


def test_the_chain_holds_over_more_rows_than_are_read_at_once(store: Store) -> None:
    many = [replace(row(incident(1)), incident_id=None, seq=0, command_id=str(number)) for number in range(2345)]
    save(store, Changes(journal=many))
    assert store.verify_journal() is None
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE journal SET command_id = 'x' WHERE position = 2000")
    assert store.verify_journal() == 2000
