"""Personal data goes for good on request; what was decided stays, and everybody is told the same as before."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest

from dispatcher.service.replaying import verify
from dispatcher.store import Store
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.command_bodies import ProgressBody, ResolveBody
from schemas.commands import KeepDeadLetter, NoteProgress, ReadReporter, ResolveIncident
from schemas.dead_letters import ErasedAnswer
from schemas.reports import Reporter
from schemas.upkeep_commands import EraseBody, RedriveDeadLetter
from tests.contracts.spine_making import LAMP, NOON, Bench, at, claim

WHO = Reporter(name="Invented Wang", phone="000-9999")
PLACE = "泰和街21号"


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def erase(bench: Bench, **what: str) -> ErasedAnswer:
    outcome = bench.spine.handle([EraseBody(**what)])[0]  # type: ignore[arg-type]
    assert isinstance(outcome, out.BodiesErased), outcome
    return outcome.answer


def holds(bench: Bench) -> None:
    found = verify(bench.store, keys_since=NOON, progress=lambda _: None)
    assert found.is_equal, found


def test_a_report_goes_and_its_answer_stays(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO, place=PLACE)
    bench.wait(3)
    erased = erase(bench, report_id=taken.report_id)
    assert (erased.refs, erased.repeated) == ((taken.report_id,), False)
    body = bench.store.body(taken.report_id)
    assert body is not None
    assert (body.text, body.doc, body.lat) == (None, b"", None)
    assert bench.taken("1", reporter=WHO, place=PLACE) == taken
    row = bench.store.journal_of(taken.incident_id)[-1]
    assert row.events == (ev.BodyErased(refs=(taken.report_id,), at=bench.now),)
    assert erase(bench, report_id=taken.report_id).repeated
    assert bench.store.journal_of(taken.incident_id)[-1] == row
    holds(bench)


def test_nobody_reads_the_reporter_any_more(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO)
    asks = ReadReporter(incident_id="", report_id=taken.report_id, responder="desk-110")
    assert isinstance(bench.spine.handle([asks])[0], out.Shown)
    erase(bench, report_id=taken.report_id)
    refused = bench.spine.handle([asks])[0]
    assert isinstance(refused, out.Refused)
    assert isinstance(refused.refusal, no.Erased)
    assert refused.refusal.status == 410


def test_other_content_under_the_key_of_an_erased_report_is_not_kept(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO)
    erase(bench, report_id=taken.report_id)
    outcome = bench.report("1", "the same thing told otherwise", reporter=WHO)
    assert isinstance(outcome, out.Refused)
    assert isinstance(outcome.refusal, no.Erased)
    assert bench.store.counts().letters == 0


def test_all_of_an_incident_goes_at_once(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO, place=PLACE)
    joined = bench.taken("2", reporter=WHO, place=PLACE)
    assert joined.incident_id == taken.incident_id
    noted = NoteProgress(
        incident_id=taken.incident_id, body=ProgressBody(responder="urban-lighting", note="Wang war da")
    )
    bench.spine.handle([claim(taken.incident_id, "urban-lighting"), noted])
    erased = erase(bench, incident_id=taken.incident_id)
    assert len(erased.refs) == 3
    assert {taken.report_id, joined.report_id} < set(erased.refs)
    with bench.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT words FROM queue").scalars().all() == [""]
        kept = connection.exec_driver_sql("SELECT count(*) FROM bodies WHERE doc IS NOT NULL OR text IS NOT NULL")
        assert kept.scalar_one() == 0
    assert erase(bench, incident_id=taken.incident_id).repeated
    holds(bench)


def test_one_note_goes_and_the_report_stays(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO)
    note = NoteProgress(incident_id=taken.incident_id, body=ProgressBody(responder="desk-110", note="Wang rang"))
    bench.spine.handle([note])
    event = bench.store.journal_of(taken.incident_id)[-1].events[0]
    assert isinstance(event, ev.ProgressNoted)
    assert event.body_ref is not None
    assert erase(bench, ref=event.body_ref).refs == (event.body_ref,)
    report = bench.store.body(taken.report_id)
    assert report is not None
    assert report.text == LAMP


def test_the_letters_of_a_report_go_with_it(bench: Bench) -> None:
    """The one it came from, and those that contradict it."""
    raw = msgspec.json.encode({"source": "110", "source_id": "1", "text": LAMP, "reporter": {"name": "Invented Wang"}})
    kept = bench.spine.handle([KeepDeadLetter(raw=raw, reason="x", origin="old.csv:1")])[0]
    assert isinstance(kept, out.Lettered)
    redriven = bench.spine.handle([RedriveDeadLetter(letter_id=kept.letter_id)])[0]
    assert isinstance(redriven, out.LetterDone)
    assert redriven.answer.report is not None
    conflict = bench.report("1", "told otherwise", reporter=WHO)
    assert isinstance(conflict, out.Refused)
    assert isinstance(conflict.refusal, no.ReportConflict)
    erased = erase(bench, report_id=redriven.answer.report.report_id)
    assert set(erased.letter_ids) == {kept.letter_id, conflict.refusal.letter_id}
    for letter_id in erased.letter_ids:
        letter = bench.store.letter(letter_id)
        assert letter is not None
        assert letter.raw == b""
    told = [event for row in bench.store.journal_after(0, 100) for event in row.events]
    assert sum(isinstance(event, ev.DeadLetterErased) for event in told) == 2


def test_erasing_what_the_same_batch_took(bench: Bench) -> None:
    taken = bench.taken("1", reporter=WHO)
    note = NoteProgress(incident_id=taken.incident_id, body=ProgressBody(responder="desk-110", note="Wang rang"))
    bench.spine.handle([note, EraseBody(incident_id=taken.incident_id), EraseBody(incident_id=taken.incident_id)])
    with bench.store.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM bodies WHERE doc IS NOT NULL")
        assert kept.scalar_one() == 0
    assert (
        sum(isinstance(e, ev.BodyErased) for row in bench.store.journal_of(taken.incident_id) for e in row.events) == 1
    )


def test_what_rows_left_behind_when_they_grew_and_moved_goes_too(sqlite_url: str, tmp_path: Path) -> None:
    """Pages that were split or merged keep copies in their slack, which erasing alone does not reach."""
    store = Store.open(sqlite_url)
    bench, dice = Bench(store), random.Random(3)  # noqa: S311 - repeatable, not secret
    bench.publish()
    incidents: list[str] = []
    for number in range(400):
        text = f"Ulrike{number:05d} 路灯坏了 " + "Ulrike wohnt hier. " * dice.randrange(1, 60)
        bench.wait(1)
        where = at(46.5 + dice.randrange(60) / 300, 126.1)
        incidents.append(bench.taken(str(number), text, location=where, place=f"Gasse {number % 50}").incident_id)
        any_one = dice.choice(incidents)
        note = ProgressBody(responder="desk-110", note="Ulrike " * dice.randrange(1, 200))
        bench.spine.handle([NoteProgress(incident_id=any_one, body=note)])
        if dice.random() < 0.3:
            done = ResolveBody(responder="desk-110", reason="Ulrike")
            bench.spine.handle([ResolveIncident(incident_id=any_one, body=done)])
        if dice.random() < 0.1:
            store.forget_erased()
    bench.spine.handle([EraseBody(incident_id=each) for each in sorted(set(incidents))])
    assert store.forget_erased()
    assert lingering(tmp_path) > 0, "the pages kept nothing, so this shows nothing"
    assert not store.scrub_erased(largest=4096)
    assert store.scrub_erased()
    assert lingering(tmp_path) == 0
    assert store.scrub_erased(largest=0), "nothing was erased since"
    store.close()


def test_a_store_that_is_closed_leaves_nothing_behind(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    bench = Bench(store)
    bench.publish()
    taken = bench.taken("1", "Ulrike 路灯坏了")
    bench.spine.handle([EraseBody(report_id=taken.report_id)])
    store.close()
    assert lingering(tmp_path) == 0
    again = Store.open(sqlite_url)
    assert again.cursor("unscrubbed") == 0
    again.close()


def lingering(folder: Path) -> int:
    return sum(len(re.findall(rb"[Uu]lrike", path.read_bytes())) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        ({"report_id": "nowhere"}, no.UnknownReport),
        ({"incident_id": "nowhere"}, no.UnknownIncident),
        ({"ref": "nowhere"}, no.UnknownBody),
        ({"letter_id": "nowhere"}, no.UnknownLetter),
    ],
)
def test_what_was_never_there_is_unknown(bench: Bench, what: dict[str, str], refusal: type[no.Refusal]) -> None:
    outcome = bench.spine.handle([EraseBody(**what)])[0]  # type: ignore[arg-type]
    assert isinstance(outcome, out.Refused)
    assert type(outcome.refusal) is refusal
