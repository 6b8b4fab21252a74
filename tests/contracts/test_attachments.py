"""Attachments through `handle`, over both stores: kept under an id, used once, erased with what named them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from dispatcher.core import apply_row
from dispatcher.store import Changes, Erasure, Store
from schemas import outcomes as out
from schemas import refusals as no
from schemas.command_bodies import ProgressBody, ResolveBody
from schemas.commands import KeepAttachment, NoteProgress, ResolveIncident
from schemas.events import AttachmentsAdded, ReportReceived
from tests.contracts.spine_making import Bench, claim, submit

NOWHERE = "01JHB000000000000000000000"


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def file(number: int = 1, command_id: str | None = None) -> KeepAttachment:
    return KeepAttachment(
        media_type="image/jpeg", size=number, sha256=f"{number:064x}", width=8, height=4, command_id=command_id
    )


def kept(bench: Bench, number: int = 1, command_id: str | None = None) -> str:
    outcome = bench.spine.handle([file(number, command_id)])[0]
    assert isinstance(outcome, out.AttachmentKept)
    return outcome.answer.attachment_id


def progress(incident_id: str, *attachments: str, **more: object) -> NoteProgress:
    body = ProgressBody(responder="urban-lighting", attachments=attachments)
    return NoteProgress(incident_id=incident_id, sender="urban-lighting", body=body, **more)  # type: ignore[arg-type]


def claimed(bench: Bench) -> str:
    incident_id = bench.taken("claimed").incident_id
    bench.spine.handle([claim(incident_id, "urban-lighting")])
    return incident_id


def refusal_of(outcome: out.Outcome) -> no.Refusal:
    assert isinstance(outcome, out.Refused), outcome
    return outcome.refusal


def test_a_file_gets_an_id_of_its_own_each_time(bench: Bench) -> None:
    one, two = kept(bench), kept(bench)
    assert one != two
    assert bench.store.attachments([one, two]).keys() == {one, two}
    assert bench.store.last_position() == 1, "the journal tells nothing of a file that nothing names"


def test_the_same_command_again_gets_the_same_id(bench: Bench) -> None:
    one, two = bench.spine.handle([file(1, "key"), file(1, "key")])
    again = bench.spine.handle([file(1, "key")])[0]
    assert isinstance(one, out.AttachmentKept)
    assert one.repeated is False
    for other in (two, again):
        assert isinstance(other, out.AttachmentKept)
        assert (other.repeated, other.answer) == (True, one.answer)
    assert isinstance(refusal_of(bench.spine.handle([file(2, "key")])[0]), no.IdempotencyMismatch)


def test_a_report_brings_its_photos(bench: Bench) -> None:
    one, two = kept(bench), kept(bench, 2)
    answer = bench.taken("1", attachments=(two, one, two))
    assert [each for each in answer.warnings if "attachment" in each] == []
    received = bench.store.journal_of(answer.incident_id)[0].events[0]
    assert isinstance(received, ReportReceived)
    assert received.attachments == (two, one)
    for each in bench.store.attachments([one, two]).values():
        assert (each.body_ref, each.incident_id) == (answer.report_id, answer.incident_id)


def test_a_report_is_never_refused_for_its_attachments(bench: Bench) -> None:
    one = kept(bench)
    bench.taken("1", attachments=(one,))
    fresh = kept(bench, 2)
    answer = bench.taken("2", attachments=(NOWHERE, one, fresh, "no id at all"))
    assert "unknown-attachment" in answer.warnings
    received = bench.store.journal_of(answer.incident_id)[-1].events[0]
    assert isinstance(received, ReportReceived)
    assert received.attachments == (fresh,)
    rows = msgspec.json.encode([row.events for row in bench.store.journal_after(0, 100)])
    assert b"no id at all" not in rows


def test_a_repeated_report_takes_nothing_again(bench: Bench) -> None:
    one = kept(bench)
    first = bench.taken("1", attachments=(one,))
    again = bench.report("1", attachments=(one,))
    assert isinstance(again, out.Taken)
    assert (again.repeated, again.answer) == (True, first)
    assert "unknown-attachment" not in again.answer.warnings


def test_an_answer_brings_its_photos(bench: Bench) -> None:
    incident_id, one = claimed(bench), kept(bench)
    outcome = bench.spine.handle([progress(incident_id, one)])[0]
    assert isinstance(outcome, out.Done)
    row = bench.store.journal_of(incident_id)[-1]
    added = next(event for event in row.events if isinstance(event, AttachmentsAdded))
    assert (added.responder, added.attachments) == ("urban-lighting", (one,))
    stored = bench.store.attachments([one])[one]
    assert (stored.body_ref, stored.incident_id) == (added.body_ref, incident_id)
    assert bench.store.body(added.body_ref or "") is not None, "so that it can be erased"


def test_an_answer_with_a_strange_attachment_is_refused_whole(bench: Bench) -> None:
    """Unknown, used by somebody else, used by oneself before."""
    incident_id, mine, theirs = claimed(bench), kept(bench), kept(bench, 2)
    bench.taken("other", attachments=(theirs,))
    bench.spine.handle([progress(incident_id, mine)])
    position = bench.store.last_position()
    for strange in (NOWHERE, theirs, mine, "../../etc/passwd"):
        fresh = kept(bench, 3)
        refusal = refusal_of(bench.spine.handle([progress(incident_id, fresh, strange)])[0])
        assert isinstance(refusal, no.UnknownAttachment)
        assert refusal.attachments == (strange,)
        assert bench.store.attachments([fresh])[fresh].body_ref is None
    assert bench.store.last_position() == position


def test_of_two_in_one_batch_the_first_gets_it(bench: Bench) -> None:
    incident_id, one = claimed(bench), kept(bench)
    first, second, report = bench.spine.handle(
        [progress(incident_id, one), progress(incident_id, one), submit("9", attachments=(one,))]
    )
    assert isinstance(first, out.Done)
    assert isinstance(refusal_of(second), no.UnknownAttachment)
    assert isinstance(report, out.Taken)
    assert "unknown-attachment" in report.answer.warnings


def test_a_refused_answer_leaves_its_attachment_free(bench: Bench) -> None:
    incident_id, one = claimed(bench), kept(bench)
    body = ResolveBody(responder="gas", attachments=(one,))
    outcome = bench.spine.handle([ResolveIncident(incident_id=incident_id, sender="gas", body=body)])[0]
    assert isinstance(refusal_of(outcome), no.NotYours)
    assert isinstance(bench.spine.handle([progress(incident_id, one)])[0], out.Done)


def test_a_repeated_answer_takes_nothing_again(bench: Bench) -> None:
    incident_id, one = claimed(bench), kept(bench)
    command = progress(incident_id, one, command_id="k", digest="d")
    first, again = bench.spine.handle([command])[0], bench.spine.handle([command])[0]
    assert isinstance(first, out.Done)
    assert isinstance(again, out.Done)
    assert (again.repeated, again.answer) == (True, first.answer)


def test_from_a_topic_the_sender_is_told_which_ones_are_unknown(bench: Bench) -> None:
    incident_id = claimed(bench)
    bench.spine.handle([progress(incident_id, NOWHERE, command_id="k", digest="d", by_topic=True)])
    told = bench.store.journal_of(incident_id)[-1].events[0]
    assert (told.reason, NOWHERE in told.detail["attachments"]) == ("UnknownAttachment", True)  # type: ignore[union-attr]


def test_what_was_erased_cannot_be_used(bench: Bench) -> None:
    one, incident_id = kept(bench), claimed(bench)
    answer = bench.taken("1", attachments=(one,))
    with bench.store.begin() as txn:
        txn.save(Changes(erasures=[Erasure((answer.report_id,), (), bench.now)]))
    assert bench.store.attachments([one])[one].erased_at == bench.now
    assert isinstance(refusal_of(bench.spine.handle([progress(incident_id, one)])[0]), no.UnknownAttachment)


def test_of_many_at_once_one_gets_it(bench: Bench) -> None:
    """Spines of their own, as of several processes: reports race for one photo, answers for another."""
    incidents = [
        bench.taken(f"c{number}", text=text).incident_id for number, text in enumerate(("路灯坏了", "家里停水了"))
    ]
    for incident_id, responder in zip(incidents, ("urban-lighting", "water-works"), strict=True):
        bench.spine.handle([claim(incident_id, responder)])
    reported, noted = kept(bench), kept(bench, 2)
    spines = [Bench(bench.store, seed=1000 * number).spine for number in range(1, 7)]

    def work(number: int) -> out.Outcome:
        if number < 4:
            return spines[number].handle([submit(f"race{number}", f"事 {number}", attachments=(reported,))])[0]
        incident_id, responder = incidents[number - 4], ("urban-lighting", "water-works")[number - 4]
        body = ProgressBody(responder=responder, attachments=(noted,))
        return spines[number].handle([NoteProgress(incident_id=incident_id, sender=responder, body=body)])[0]

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(work, range(6)))
    warned = ["unknown-attachment" in outcome.answer.warnings for outcome in outcomes[:4]]  # type: ignore[union-attr]
    assert sorted(warned) == [False, True, True, True]
    assert sorted(type(outcome).__name__ for outcome in outcomes[4:]) == ["Done", "Refused"]
    assert all(each.body_ref for each in bench.store.attachments([reported, noted]).values())


def test_replaying_the_journal_gives_the_same_state(bench: Bench) -> None:
    incident_id, one = claimed(bench), kept(bench)
    bench.spine.handle([progress(incident_id, one)])
    incident = None
    for row in bench.store.journal_of(incident_id):
        incident = apply_row(incident, row.seq, row.events)
    with bench.store.begin() as txn:
        assert txn.load([incident_id])[incident_id] == incident
