"""What one transaction writes is what later ones find, on both stores."""

from __future__ import annotations

import traceback
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from dispatcher.store import (
    Changes,
    Conflict,
    KnownCommand,
    KnownReport,
    NewBody,
    NewBundle,
    NewIncident,
    NewReport,
    StatementFailed,
    Store,
    StoreError,
    tables,
)
from schemas.incidents import Offer
from tests.contracts.store_samples import (
    HERE,
    NOON,
    change,
    claimed,
    command,
    conflict,
    hashed,
    ident,
    incident,
    letter,
    opening,
    opening_of,
    row,
    save,
)


def test_an_incident_comes_back_as_it_was_saved(store: Store) -> None:
    rich = incident(
        1,
        place_key="k" * 32,
        promised_at=NOON + timedelta(microseconds=1),
        tags=("夜间",),
        reasons=("unknown-category: a/b",),
        voices=3,
    )
    save(store, opening_of(rich))
    with store.begin() as txn:
        assert txn.load([ident(1), ident(9)]) == {ident(1): rich}


def test_a_report_is_known_afterwards_with_its_answer(store: Store) -> None:
    save(store, opening(1))
    with store.begin() as txn:
        found = txn.known_reports([hashed(ident(1)), hashed(ident(2))])
        assert found == {hashed(ident(1)): KnownReport(hashed("c", ident(1)), ident(1, "R"), ident(1), 1)}
        assert txn.journal_rows([(ident(1), 1), (ident(1), 2)])[ident(1), 1].events == row(incident(1)).events
        assert txn.report_of(ident(1, "R")) == ident(1)
        assert txn.report_of(ident(2, "R")) is None


def test_nothing_is_known_of_nothing(store: Store) -> None:
    with store.begin() as txn:
        assert txn.known_reports([]) == {}
        assert txn.known_commands([]) == {}
        assert txn.known_letters([]) == {}
        assert txn.journal_rows([]) == {}
        assert txn.load([]) == {}
        assert txn.group_candidates(HERE, [], [], NOON) == []
        txn.save(Changes())
    assert store.last_position() == 0


def test_many_keys_are_asked_for_at_once(store: Store) -> None:
    numbers = range(1, 6001)
    reports = [NewReport(HERE, hashed(n), hashed("c", n), ident(n, "R"), ident(n), 1, NOON) for n in numbers]
    save(store, Changes(reports=reports))
    with store.begin() as txn:
        assert len(txn.known_reports([hashed(n) for n in range(1, 12001)])) == 6000


def test_what_raises_leaves_nothing(store: Store) -> None:
    def save_and_raise() -> None:
        with store.begin() as txn:
            txn.save(opening(1))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        save_and_raise()
    assert store.last_position() == 0
    with store.begin() as txn:
        assert txn.load([ident(1)]) == {}


def test_the_same_report_twice_is_a_conflict_and_leaves_no_half(store: Store) -> None:
    save(store, opening(1))
    again = opening_of(incident(2))
    again.reports = opening(1).reports
    with conflict():
        save(store, again)
    with store.begin() as txn:
        assert txn.load([ident(2)]) == {}
    assert store.last_position() == 1


def test_a_change_of_an_older_version_is_a_conflict(store: Store) -> None:
    save(store, opening(1))
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed))
    with conflict(), store.begin() as txn:
        late = change(txn, 1, claimed)
        late.changed = [replace(late.changed[0], expected_seq=1)]
        txn.save(late)
    assert [each.seq for each in store.journal_of(ident(1))] == [1, 2]


def test_a_change_of_what_was_not_loaded_is_a_mistake(store: Store) -> None:
    save(store, opening(1))
    with store.begin() as txn:
        blind = change(txn, 1, claimed)
    with pytest.raises(ValueError, match="loaded"):
        save(store, blind)


def test_a_change_moves_every_column(store: Store) -> None:
    save(store, opening(1, grouped=True))
    due_at = NOON + timedelta(hours=4)
    with store.begin() as txn:
        txn.save(
            change(txn, 1, lambda before: replace(claimed(before), priority="P1", area=None, owner="roads"), due_at)
        )
    with store.reading() as connection:
        found = connection.execute(select(tables.incidents)).one()
        listed = connection.execute(select(tables.queue)).one()
    assert (found.seq, found.state, found.owner, found.due_at) == (2, "claimed", "roads", due_at)
    assert found.group_cell == "4669:12610"
    assert (listed.state, listed.rank, listed.area) == ("claimed", "P1", None)
    assert (listed.clock_started_at, listed.clock_due_at) == (NOON, due_at)


def test_many_changes_in_one_batch(store: Store) -> None:
    for number in (1, 2, 3):
        save(store, opening(number))
    with store.begin() as txn:
        loaded = txn.load([ident(3), ident(1), ident(2)])
        assert list(loaded) == [ident(1), ident(2), ident(3)]
        parts = [change(txn, number, claimed) for number in (1, 2, 3)]
        txn.save(Changes(changed=[part.changed[0] for part in parts], journal=[part.journal[0] for part in parts]))
    with store.begin() as txn:
        assert {each.state for each in txn.load([ident(1), ident(2), ident(3)]).values()} == {"claimed"}


def test_parties_follow_the_incident(store: Store) -> None:
    def parties() -> set[tuple[str, str, str]]:
        with store.reading() as connection:
            rows = connection.execute(select(tables.parties))
            return {(each.responder, each.state, each.role) for each in rows}

    save(store, opening(1))
    assert parties() == {("urban-lighting", "offered", "offered"), ("desk-110", "offered", "copy")}
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed))
    assert parties() == {("urban-lighting", "claimed", "claimed"), ("desk-110", "claimed", "copy")}
    to_roads = (Offer(responder="roads", epoch=2), Offer(responder="desk-110", epoch=2, state="returned"))
    with store.begin() as txn:
        txn.save(change(txn, 1, lambda before: replace(before, seq=3, state="offered", offers=to_roads)))
    assert parties() == {("roads", "offered", "offered"), ("desk-110", "offered", "returned")}


def test_a_command_is_known_with_its_answer(store: Store) -> None:
    save(store, Changes(commands=[command(), command(sender="roads")]))
    with store.begin() as txn:
        found = txn.known_commands([("urban-lighting", "c-1"), ("urban-lighting", "c-2"), ("power", "c-1")])
    assert found == {("urban-lighting", "c-1"): KnownCommand("d1", b'{"state":"claimed"}')}
    with conflict():
        save(store, Changes(commands=[command()]))


def test_dead_letters_are_unique_by_content_and_provenance(store: Store) -> None:
    save(store, Changes(letters=[letter(1), letter(2, origin="topic/0/2")]))
    with store.begin() as txn:
        known = txn.known_letters([letter(1).content_hash, hashed("other")])
    assert known == {letter(1).content_hash: ident(1, "L")}
    with conflict():
        save(store, Changes(letters=[letter(3)]))
    assert store.counts().letters == 2


def test_a_dead_letter_keeps_its_bytes_whatever_it_says(store: Store) -> None:
    odd = replace(
        letter(1),
        reason="NUL \0 here",
        origin="half \ud800 surrogate",
        headers={"a\0": "\udfff"},
        raw=bytes(range(256)),
    )
    save(store, Changes(letters=[odd]))
    with store.reading() as connection:
        kept = connection.execute(select(tables.letters)).one()
    assert (kept.raw, kept.reason, kept.origin) == (odd.raw, "NUL \ufffd here", "half ? surrogate")
    assert bytes(kept.headers) == '{"a\ufffd":"?"}'.encode()


def test_bodies_come_back_byte_for_byte(store: Store) -> None:
    big = b'{"text":"' + "灯".encode() * 300_000 + b'"}'
    bodies = [
        NewBody(HERE, ident(1, "R"), ident(1), "report", NOON, b'{"text":"a\\u0000b"}', "a\0b", 46.69, 126.10),
        NewBody(HERE, ident(2, "R"), ident(1), "said", NOON, big),
    ]
    save(store, Changes(bodies=bodies))
    found = store.bodies([ident(1, "R"), ident(2, "R"), ident(3, "R")])
    assert sorted(found) == [ident(1, "R"), ident(2, "R")]
    report, said = found[ident(1, "R")], store.body(ident(2, "R"))
    assert (report.doc, report.text, report.lat, report.lon) == (bodies[0].doc, "a\ufffdb", 46.69, 126.10)
    assert (report.kind, report.at, report.incident_id, report.jurisdiction) == ("report", NOON, ident(1), HERE)
    assert said is not None
    assert (said.doc, said.text, said.lat) == (big, None, None)
    assert store.body(ident(3, "R")) is None
    with store.begin() as txn:
        assert txn.body(ident(1, "R")) == report


@pytest.mark.parametrize("where", ["area", "command"])
def test_nul_in_a_code_is_refused_alike(store: Store, where: str) -> None:
    bad = opening_of(incident(1, area="2312\0")) if where == "area" else opening(1)
    if where == "command":
        bad.commands = [command(command_id="\0")]
    with pytest.raises(ValueError, match="NUL"):
        save(store, bad)
    assert store.last_position() == 0


def test_nul_in_what_a_journal_row_quotes_stops_nobody(store: Store) -> None:
    save(store, Changes(journal=[replace(row(incident(1)), actor="a\0", command_id="\0")]))
    assert [(each.actor, each.command_id) for each in store.journal_after(0, 9)] == [("a\ufffd", "\ufffd")]
    assert store.verify_journal() is None


def test_a_bundle_never_changes(store: Store) -> None:
    assert store.jurisdictions() == []
    assert store.active_bundle(HERE) is None
    first, second = (NewBundle(HERE, f"sha256:{doc.hex()}", doc, NOON) for doc in (b"1", b"2"))
    save(store, Changes(bundles=[first]))
    save(store, Changes(bundles=[second, NewBundle("us-boston", "sha256:b", b"b", NOON)]))
    assert store.jurisdictions() == [HERE, "us-boston"]
    assert store.active_bundle(HERE) == second.bundle_id
    assert (store.bundle(first.bundle_id), store.bundle("sha256:none")) == (b"1", None)
    with pytest.raises(ValueError, match="never change"):
        save(store, Changes(bundles=[replace(first, doc=b"forged")]))
    save(store, Changes(bundles=[first]))
    with store.begin() as txn:
        assert txn.active_bundles() == {HERE: first.bundle_id, "us-boston": "sha256:b"}
        assert txn.bundle(first.bundle_id) == b"1"


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)readonly|read-only"), store.reading() as connection:
        connection.exec_driver_sql("DELETE FROM journal")


def test_errors_never_quote_what_people_wrote(store: Store) -> None:
    """Neither a conflict nor a refused row shows a value, in its message or in the printed chain of its causes."""
    save(store, Changes(bodies=opening(1).bodies))
    without_kind = replace(opening(2).bodies[0], kind=None)
    for body, error in ((opening(1).bodies[0], Conflict), (without_kind, StatementFailed)):
        with pytest.raises(error) as caught:
            save(store, Changes(bodies=[body]))
        assert "路灯" not in "".join(traceback.format_exception(caught.value))


def test_a_reader_sees_one_snapshot_and_blocks_nobody(store: Store) -> None:
    count = select(func.count()).select_from(tables.incidents)
    with store.reading() as connection:
        before = connection.execute(count).scalar_one()
        save(store, opening(1))
        assert connection.execute(count).scalar_one() == before == 0
    with store.reading() as connection:
        assert connection.execute(count).scalar_one() == 1


def test_counts_are_of_what_is_open(store: Store) -> None:
    save(store, Changes(bundles=[NewBundle(HERE, "sha256:b", b"b", NOON)]))
    for number in (1, 2, 3):
        save(store, opening(number))
    with store.begin() as txn:
        txn.save(change(txn, 1, claimed))
    with store.begin() as txn:
        txn.save(change(txn, 2, lambda before: replace(before, seq=2, state="closed", clocks=())))
    counts = store.counts()
    assert {state: count for state, count in counts.open_by_state.items() if count} == {"offered": 1, "claimed": 1}


def test_the_secret_stays(store_url: str) -> None:
    store = Store.open(store_url)
    secret = store.secret()
    store.close()
    store = Store.open(store_url)
    assert (store.secret(), len(secret)) == (secret, 32)
    store.close()


def test_opened_and_saved_alone(store: Store) -> None:
    """Rows may come without each other: a letter needs no journal row to be stored."""
    save(store, Changes(opened=[NewIncident(incident(1), None)]))
    assert store.next_due() is None
