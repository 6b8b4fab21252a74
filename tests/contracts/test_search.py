"""Words in reports, places and what was said: found on both stores, and gone once erased."""

from __future__ import annotations

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from msgspec.structs import replace
from sqlalchemy import Connection, select, text

from dispatcher.store import ChangedIncident, Changes, Erasure, NewBody, Store, migrate, tables
from dispatcher.store.dialect import LONGEST_WORDS
from dispatcher.views.asked import Asked
from dispatcher.views.moment import moment_now
from dispatcher.views.queue import page
from schemas.command_bodies import ReturnBody
from schemas.commands import ReturnIncident
from schemas.events import IncidentReturned
from schemas.incidents import Incident
from tests.contracts.spine_making import Bench, at
from tests.contracts.store_samples import HERE, NOON, change, claimed, ident, incident, row, save, told_opening
from tests.contracts.test_store_tables import plan


def found(store: Store, q: str, **asked: object) -> list[int]:
    """Numbers of the incidents, in their order."""
    with store.reading() as connection:
        what = Asked(jurisdiction=HERE, q=q, **asked)  # type: ignore[arg-type]
        rows = page(connection, what, moment_now(connection, NOON), cursor=None, limit=200)
    return [int(item.incident_id[-6:]) for item in rows.items]


def told(store: Store, number: int, words: str, **more: object) -> None:
    save(store, told_opening(incident(number), words, **more))


def said(store: Store, number: int, ref: str, **words: str) -> None:
    with store.begin() as txn:
        part = change(txn, number, lambda it: replace(claimed(it), state=it.state))
        part.bodies = [NewBody(HERE, ref, ident(number), "said", NOON, msgspec.json.encode(words))]
        txn.save(part)


def another_voice(store: Store, number: int, ref: str, words: str) -> None:
    with store.begin() as txn:
        part = change(txn, number, lambda it: replace(it, seq=it.seq + 1, voices=it.voices + 1))
        doc = msgspec.json.encode({"source": "110", "source_id": ref, "text": words})
        part.bodies = [NewBody(HERE, ref, ident(number), "report", NOON, doc)]
        txn.save(part)


def test_two_characters_hit_wherever_they_stand(store: Store) -> None:
    told(store, 1, "泰和街21号门前路灯坏了")
    told(store, 2, "路边的灯没问题,是路面塌了")
    told(store, 3, "A3路灯杆LED闪,Streetlight flickers")
    told(store, 4, "没什么", place="人民公园东门路灯旁")
    assert found(store, "路灯") == [1, 3, 4]
    assert found(store, "灯坏") == [1]
    assert found(store, "路") == [1, 2, 3, 4]
    assert found(store, "公园") == [4]
    assert found(store, "3路") == [3]
    assert found(store, "led闪") == [3]
    assert found(store, "ＬＥＤ") == [3], "full width is the same letter"
    assert found(store, "STREET 路灯") == [3]
    assert found(store, "路灯 公园") == [4], "one word of the text, one of the place"
    assert found(store, "路灯 塌了") == []
    assert found(store, "灯路") == []
    assert found(store, "么人") == [], "text and place are not run together"


def test_what_was_said_and_other_voices_are_found_too(store: Store) -> None:
    told(store, 1, "泰和街路灯坏了")
    told(store, 2, "捡到手套")
    said(store, 1, ident(1, "S"), note="等物业找电工", outcome="换了变压器")
    another_voice(store, 2, ident(9, "R"), "还有一条围巾")
    assert found(store, "电工") == [1]
    assert found(store, "变压器 路灯") == [1]
    assert found(store, "围巾 手套") == [2]


@pytest.mark.parametrize("q", ["%", "_", "/", "\\", "'", '"', "100%", "a_b", "); DROP TABLE queue; --", "路%灯", "*"])
def test_nothing_is_a_wildcard(store: Store, q: str) -> None:
    told(store, 1, "泰和街21号门前路灯坏了")
    assert found(store, q) == []
    told(store, 2, f"写着 {q} 的牌子")
    assert found(store, q) == [2]


def test_old_ones_are_found_after_the_open_ones_newest_first(store: Store) -> None:
    for number in (1, 2, 3):
        save(store, told_opening(incident(number, state="closed", clocks=()), "路灯"))
    told(store, 4, "路灯")
    assert found(store, "路灯") == [4, 3, 2, 1]
    assert found(store, "路灯", states=("closed",)) == [3, 2, 1]


def test_words_go_with_the_incident_into_every_state(store: Store) -> None:
    told(store, 1, "路灯")
    for state in ("claimed", "closed", "offered"):
        with store.begin() as txn:
            before = txn.load([ident(1)])[ident(1)]
            after = replace(before, seq=before.seq + 1, state=state)
            txn.save(Changes(changed=[ChangedIncident(after, before.seq, None)], journal=[row(after)]))
        assert found(store, "路灯") == [1]
        assert found(store, "路灯", states=(state,)) == [1]


def test_what_is_erased_is_not_found_and_the_rest_still_is(store: Store) -> None:
    bench = Bench(store)
    bench.publish()
    first, second = (bench.taken(who, f"{who}家门前路灯坏了", location=at(46.69, 126.1)) for who in "甲乙")
    assert first.incident_id == second.incident_id
    body = ReturnBody(responder="urban-lighting", reason="甲说是物业的")
    bench.spine.handle([ReturnIncident(incident_id=first.incident_id, body=body, sender="urban-lighting")])
    assert [hits(store, q) for q in ("甲家", "乙家", "物业")] == [1, 1, 1]
    save(store, Changes(erasures=[Erasure(refs=(first.report_id,), letter_ids=(), at=NOON)]))
    assert [hits(store, q) for q in ("甲家", "乙家", "物业")] == [0, 1, 1]
    happened = [event for row in store.journal_of(first.incident_id) for event in row.events]
    reason = next(event.body_ref for event in happened if isinstance(event, IncidentReturned)) or ""
    save(store, Changes(erasures=[Erasure(refs=(reason,), letter_ids=(), at=NOON)]))
    assert [hits(store, q) for q in ("甲家", "乙家", "物业", "甲")] == [0, 1, 0, 0]


def hits(store: Store, q: str) -> int:
    with store.reading() as connection:
        moment = moment_now(connection, NOON)
        return len(page(connection, Asked(jurisdiction=HERE, q=q), moment, cursor=None, limit=9).items)


def test_a_row_does_not_grow_without_end(store: Store) -> None:
    told(store, 1, "第一个电话")
    for number in range(3):
        another_voice(store, 1, ident(number + 2, "R"), f"第{number}次" + "很" * 3000)
    assert found(store, "第一个") == found(store, "第0次") == found(store, "第1次") == [1]
    with store.reading() as connection:
        words = connection.execute(select(tables.queue.c.words)).scalar_one()
    assert LONGEST_WORDS < len(words) < 2 * LONGEST_WORDS


def test_the_open_ones_are_read_without_the_others(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    question = "SELECT incident_id FROM queue WHERE jurisdiction = 'x' AND rank = 'P1' AND words LIKE '%y%' ORDER BY 1"
    assert "SEARCH queue USING PRIMARY KEY (jurisdiction=? AND rank=?)" in plan(store, question)
    store.close()


def test_a_database_from_before_is_filled(store_url: str) -> None:
    """Rows as revision 0002 had them."""
    empty = Store.open(store_url)
    with empty._writer.begin() as connection:
        for name in connection.dialect.get_table_names(connection):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        _upgrade_to(connection, "0002")
        older = incident(1, state="closed", clocks=())
        for each, words in ((older, "捡到手套"), (incident(2), "ＬＥＤ路灯\\u0000坏了")):
            _insert(connection, each, words)
    empty.close()
    store = Store.open(store_url)
    assert found(store, "led路灯") == [2]
    assert found(store, "泰和街") == [2, 1]
    with store.reading() as connection:
        rows = connection.execute(select(tables.queue).order_by(tables.queue.c.incident_id)).all()
    assert [(row.rank, row.state, row.area, row.cell) for row in rows] == [
        ("", "closed", "231223100", "4669:12610"),
        ("P3", "offered", "231223100", "4669:12610"),
    ]
    assert (rows[0].clock_due_at, rows[1].clock_due_at) == (None, incident(2).clocks[0].due_at)
    store.close()


def _upgrade_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.__file__).replace("migrate.py", "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _insert(connection: Connection, each: Incident, words: str) -> None:
    doc = f'{{"source":"110","source_id":"1","text":"{words}","place":"泰和街"}}'.encode()
    names = ("id", "jurisdiction", "seq", "state", "category", "area", "priority", "owner", "rule", "report_id")
    columns = {name: getattr(each, name) for name in names} | {"opened_at": 1, "reported_at": 1}
    columns["doc"] = msgspec.json.encode(each)
    body = {"ref": each.report_id, "jurisdiction": HERE, "incident_id": each.id, "kind": "report", "at": 1, "doc": doc}
    for name, values in (("incidents", columns), ("bodies", body)):
        marks = ", ".join(f":{column}" for column in values)
        statement = f"INSERT INTO {name} ({', '.join(values)}) VALUES ({marks})"  # noqa: S608 - names of our own
        connection.execute(text(statement), values)
