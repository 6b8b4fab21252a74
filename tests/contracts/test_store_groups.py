"""Candidates for another voice: open ones only, by cell or by place, under locks of their own."""

from __future__ import annotations

import threading
from datetime import timedelta

from msgspec.structs import replace

from dispatcher.store import Candidate, Changes, Store
from tests.contracts.store_samples import HERE, NOON, change, claimed, ident, incident, opening, opening_of, save

LAMP, CELL = "lighting/streetlight", "4669:12610"


def candidates(
    store: Store,
    cells: set[tuple[str, str]] = frozenset(),  # type: ignore[assignment]
    places: set[tuple[str, str]] = frozenset(),  # type: ignore[assignment]
) -> list[str]:
    with store.begin() as txn:
        return [each.incident_id for each in txn.group_candidates(HERE, cells, places, NOON - timedelta(hours=1))]


def test_a_candidate_brings_its_point_from_the_report(store: Store) -> None:
    save(store, opening(1, grouped=True))
    with store.begin() as txn:
        found = txn.group_candidates(HERE, [(LAMP, CELL), (LAMP, "0:0")], [], NOON)
    assert found == [Candidate(ident(1), LAMP, CELL, None, 46.69, 126.10, NOON)]


def test_by_cell_by_place_and_each_once(store: Store) -> None:
    save(store, opening_of(incident(1, place_key="p"), grouped=True))
    save(store, opening_of(incident(2, place_key="p", cell=None), grouped=True, point=None))
    save(store, opening_of(incident(3, place_key="q"), grouped=True))
    assert candidates(store, {(LAMP, CELL)}) == [ident(1), ident(3)]
    assert candidates(store, places={(LAMP, "p")}) == [ident(1), ident(2)]
    assert candidates(store, {(LAMP, CELL)}, {(LAMP, "p"), (LAMP, "q")}) == [ident(1), ident(2), ident(3)]


def test_what_does_not_belong_is_left_out(store: Store) -> None:
    save(store, opening(1, grouped=False))
    save(store, opening_of(incident(2, category="road/hole"), grouped=True))
    save(store, opening_of(incident(3, cell="4670:12610"), grouped=True))
    save(store, opening_of(incident(4, reported_at=NOON - timedelta(hours=2)), grouped=True))
    save(store, opening_of(incident(5, jurisdiction="us-boston"), grouped=True))
    assert candidates(store, {(LAMP, CELL)}, {(LAMP, CELL)}) == []


def test_what_may_not_be_joined_any_more_is_not_found(store: Store) -> None:
    """Who says so is the incident (tests/unit/core); it may be found again, as after an undo."""
    for number in (1, 2):
        save(store, opening_of(incident(number, place_key="p"), grouped=True))
    both, first = [ident(1), ident(2)], [ident(1)]
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed))
    assert candidates(store, {(LAMP, CELL)}, {(LAMP, "p")}) == both
    with store.begin() as txn:
        txn.save(change(txn, 2, lambda before: replace(before, seq=2, joinable=False)))
    assert candidates(store, {(LAMP, CELL)}, {(LAMP, "p")}) == first
    with store.begin() as txn:
        txn.save(change(txn, 2, lambda before: replace(before, seq=3, joinable=True)))
    assert candidates(store, {(LAMP, CELL)}, {(LAMP, "p")}) == both


def test_two_writers_make_one_incident_of_one_lamp(store: Store) -> None:
    """Each looks under the lock and opens only where nobody stands; without the lock both would open."""
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def report(number: int) -> None:
        try:
            start.wait(10)
            with store.begin() as txn:
                txn.lock_groups(HERE, {(LAMP, CELL), (LAMP, "4670:12610")})
                standing = txn.group_candidates(HERE, {(LAMP, CELL)}, [], NOON)
                txn.save(Changes() if standing else opening(number, grouped=True))
        except BaseException as error:  # noqa: BLE001 (told to the main thread)
            failures.append(error)

    threads = [threading.Thread(target=report, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert len(candidates(store, {(LAMP, CELL)})) == 1


def test_thousands_of_keys_do_not_exhaust_the_lock_table(store: Store) -> None:
    keys = {(f"c/{number % 9}", f"{number}:{number}") for number in range(20_000)}
    with store.begin() as txn:
        txn.lock_groups(HERE, keys)
