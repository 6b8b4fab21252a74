"""What is erased is gone: from the rows, and on SQLite from the bytes of the file and its log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from dispatcher.store import ChangedLetter, Changes, Erasure, NewBody, NewReport, Store
from tests.contracts.store_samples import HERE, NOON, command, hashed, ident, letter, opening, save

SECRET = "Erfundene Ulrike, 000-7777-1234"  # invented, and nowhere else in the file
LATER = NOON + timedelta(hours=1)


def body(number: int, size: int = 1, kind: str = "report") -> NewBody:
    doc = f'{{"text": "{SECRET * size}"}}'.encode()
    return NewBody(HERE, ident(number, "B"), ident(1), kind, NOON, doc, SECRET * size, 46.69, 126.10)  # type: ignore[arg-type]


def test_an_erased_body_keeps_its_row_and_nothing_in_it(store: Store) -> None:
    save(store, Changes(bodies=[body(1), body(2)]))
    with store.begin() as txn:
        assert txn.kept_refs([ident(1, "B"), ident(2, "B"), "nowhere"]) == [ident(1, "B"), ident(2, "B")]
        txn.save(Changes(erasures=[Erasure((ident(1, "B"),), (), LATER)]))
    erased = store.body(ident(1, "B"))
    assert erased is not None
    assert (erased.text, erased.doc, erased.lat, erased.lon) == (None, b"", None, None)
    assert (erased.incident_id, erased.kind, erased.at) == (ident(1), "report", NOON)
    kept = store.body(ident(2, "B"))
    assert kept is not None
    assert kept.text == SECRET
    with store.begin() as txn:
        assert txn.kept_refs([ident(1, "B"), ident(2, "B")]) == [ident(2, "B")]


def test_an_erased_letter_keeps_where_it_came_from(store: Store) -> None:
    held = replace(letter(1, content=SECRET.encode()), headers={"problem": SECRET})
    save(store, Changes(letters=[held]))
    with store.begin() as txn:
        txn.save(Changes(changed_letters=[ChangedLetter(ident(1, "L"), "not-json", "open", SECRET.encode())]))
    fixed = store.letter(ident(1, "L"))
    assert fixed is not None
    assert (fixed.raw, fixed.fixed, fixed.reason) == (SECRET.encode(), SECRET.encode(), "not-json")
    save(store, Changes(erasures=[Erasure((), (ident(1, "L"),), LATER)]))
    erased = store.letter(ident(1, "L"))
    assert erased is not None
    assert (erased.raw, erased.fixed, erased.headers, erased.erased_at) == (b"", None, {}, LATER)
    assert (erased.origin, erased.state) == ("topic/0/1", "discarded")


def test_the_letter_of_a_report_is_found_until_it_is_erased(store: Store) -> None:
    save(store, Changes(letters=[letter(1), letter(2, origin="topic/0/2")]))
    became = ChangedLetter(ident(1, "L"), "x", "redriven", None, "R1", ident(1), b"{}", LATER)
    save(store, Changes(changed_letters=[became]))
    with store.begin() as txn:
        assert txn.letters_of_reports(["R1", "R2"]) == [ident(1, "L")]
        assert txn.letters_of_reports([]) == []
        assert txn.letters([ident(2, "L"), "nowhere", ident(1, "L")])[ident(1, "L")].settled_at == LATER
        txn.save(Changes(erasures=[Erasure((), (ident(1, "L"),), LATER)]))
    with store.begin() as txn:
        assert txn.letters_of_reports(["R1"]) == []


@pytest.mark.parametrize("size", [1, 40, 400], ids=["small", "a third of a page", "many pages"])
def test_nothing_erased_lingers_in_the_file_or_its_log(sqlite_url: str, tmp_path: Path, size: int) -> None:
    """Rows written, checkpointed, moved about by neighbours, then erased while the store is open."""
    store = Store.open(sqlite_url)
    for number in range(1, 60):
        save(store, Changes(bodies=[body(number, size)]))
    held = replace(letter(1, content=SECRET.encode() * size), headers={"problem": SECRET})
    save(store, Changes(letters=[held]))
    save(store, Changes(changed_letters=[ChangedLetter(ident(1, "L"), "x", "open", SECRET.encode() * size)]))
    assert store.forget_erased()
    assert lingering(tmp_path) > 0
    for start in range(1, 60, 7):
        refs = tuple(ident(number, "B") for number in range(start, min(start + 7, 60)))
        save(store, Changes(erasures=[Erasure(refs, (ident(1, "L"),), LATER)]))
    assert store.forget_erased()
    assert lingering(tmp_path) == 0
    store.close()
    assert lingering(tmp_path) == 0


def test_a_reader_in_the_way_is_waited_for_next_time(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    save(store, Changes(bodies=[body(1)]))
    with store.reading() as looking:
        looking.exec_driver_sql("SELECT count(*) FROM bodies").scalar_one()
        save(store, Changes(erasures=[Erasure((ident(1, "B"),), (), LATER)]))
        assert not store.forget_erased()
    assert store.forget_erased()
    assert lingering(tmp_path) == 0
    store.close()


def test_old_keys_go_a_few_at_a_time_oldest_first(store: Store) -> None:
    """A key that was purged is free again; what is young stays."""
    for number in range(10):
        old = opening(number)
        save(store, Changes(reports=old.reports, commands=[command(command_id=f"old-{number}")]))
    young = NewReport(HERE, hashed("young"), hashed("c"), ident(90, "R"), ident(90), 1, LATER)
    save(store, Changes(reports=[young], commands=[replace(command(command_id="young"), at=LATER)]))
    assert store.purge_keys(NOON, 4) == 0
    assert store.purge_keys(LATER, 4) == 8
    assert store.purge_keys(LATER, 100) == 12
    assert store.purge_keys(LATER, 100) == 0
    keys = [opening(number).reports[0].key for number in range(10)]
    with store.begin() as txn:
        assert txn.known_reports([*keys, young.key]).keys() == {young.key}
        assert txn.known_commands([("urban-lighting", "old-3"), ("urban-lighting", "young")]).keys() == {
            ("urban-lighting", "young")
        }
    save(store, Changes(reports=opening(3).reports))


def lingering(folder: Path) -> int:
    """How often the invented words stand in any file of the database."""
    return sum(path.read_bytes().count(b"Ulrike, 000") for path in folder.iterdir())
