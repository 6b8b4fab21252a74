"""Dead letters tried again: once through the door they came by, however often, whoever does it, and whatever fails."""

from __future__ import annotations

import msgspec
import pytest

from dispatcher.service.reports import Reports
from dispatcher.store import Letter, Store
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, KeepDeadLetter, SubmitReport
from schemas.reports import Report
from schemas.upkeep_commands import (
    DiscardDeadLetter,
    EraseBody,
    FixDeadLetter,
    LetterCommand,
    ReadDeadLetter,
    RedriveDeadLetter,
)
from tests.contracts.spine_making import LAMP, Bench, claim

REPORTS = "dispatch.reports.v1/3/41"
COMMANDS = "dispatch.responders.urban-lighting.commands.v1/0/5"
EVENT = {"ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "sim-town", "ce_type": "dispatch.report.v1"}
REPORT = msgspec.json.encode({"text": LAMP, "reporter": {"name": "Invented Li"}})


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def keep(bench: Bench, raw: bytes, origin: str = REPORTS, headers: dict[str, str] | None = None) -> str:
    kept = bench.spine.handle([KeepDeadLetter(raw=raw, reason="not-json", origin=origin, headers=headers or EVENT)])[0]
    assert isinstance(kept, out.Lettered)
    return kept.letter_id


def done(bench: Bench, *commands: Command) -> out.DeadLetterOutcome:
    """What the last of them answers."""
    outcome = bench.spine.handle(commands)[-1]
    assert isinstance(outcome, out.LetterDone), outcome
    return outcome.answer


def refused(bench: Bench, command: Command) -> no.Refusal:
    outcome = bench.spine.handle([command])[0]
    assert isinstance(outcome, out.Refused), outcome
    return outcome.refusal


def letter_of(bench: Bench, letter_id: str) -> Letter:
    found = bench.store.letter(letter_id)
    assert found is not None
    return found


def events(bench: Bench) -> list[ev.AnyEvent]:
    return [event for row in bench.store.journal_after(0, 1000) for event in row.events]


def test_what_still_cannot_be_read_stays_with_its_new_reason(bench: Bench) -> None:
    letter_id = keep(bench, b'{"text": 7}')
    bench.wait(5)
    stays = refused(bench, RedriveDeadLetter(letter_id=letter_id))
    assert isinstance(stays, no.LetterStays)
    assert stays.reason.startswith("not-a-report: Expected `str | null`")
    assert (letter_of(bench, letter_id).state, letter_of(bench, letter_id).reason) == ("open", stays.reason)
    assert refused(bench, RedriveDeadLetter(letter_id=letter_id)) == stays
    assert sum(isinstance(event, ev.DeadLetterStayed) for event in events(bench)) == 1


def test_a_fixed_letter_becomes_an_incident_once(bench: Bench) -> None:
    letter_id = keep(bench, b"\xff{")
    came_at = bench.now
    bench.wait(60)
    fixed = done(bench, FixDeadLetter(letter_id=letter_id, body=REPORT))
    assert (fixed.state, fixed.repeated) == ("open", False)
    assert done(bench, FixDeadLetter(letter_id=letter_id, body=REPORT)).repeated
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    assert answer.report is not None
    assert (answer.state, answer.repeated, answer.report.category) == ("redriven", False, "lighting/streetlight")
    again = done(bench, RedriveDeadLetter(letter_id=letter_id), RedriveDeadLetter(letter_id=letter_id))
    assert (again.repeated, again.report) == (True, answer.report)
    letter = letter_of(bench, letter_id)
    assert (letter.raw, letter.fixed, letter.state) == (b"\xff{", REPORT, "redriven")
    assert (letter.report_id, letter.incident_id) == (answer.report.report_id, answer.report.incident_id)
    received = [event for event in events(bench) if isinstance(event, ev.ReportReceived)]
    assert [(event.received_at, event.via) for event in received] == [(came_at, "redrive")]
    told = [type(event).__name__ for event in events(bench) if isinstance(event, ev.LetterEvent)]
    assert told == ["DeadLettered", "DeadLetterFixed", "DeadLetterRedriven"]
    assert "Li" not in str(bench.store.journal_after(0, 1000))


def test_the_event_says_who_it_was_where_the_report_does_not(bench: Bench) -> None:
    """Read from the topic once more, or redriven: one key, one incident."""
    letter_id = keep(bench, b"{")
    body = msgspec.json.encode({"text": LAMP})
    answer = done(bench, FixDeadLetter(letter_id=letter_id, body=body), RedriveDeadLetter(letter_id=letter_id))
    assert answer.report is not None
    told_again = bench.spine.handle([SubmitReport(report=Report(source="sim-town", source_id="e-1", text=LAMP))])[0]
    assert isinstance(told_again, out.Taken)
    assert (told_again.repeated, told_again.answer) == (True, answer.report)


def test_without_any_name_the_letter_is_the_name(bench: Bench) -> None:
    """Even when the letter's own state was lost with its database, the same letter is the same report."""
    letter_id = keep(bench, b"a row of a table", "old.csv:17", {"problem": "no such column"})
    done(bench, FixDeadLetter(letter_id=letter_id, body=REPORT))
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    with bench.store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE letters SET state = 'open', answer = NULL, report_id = NULL")
    again = done(bench, RedriveDeadLetter(letter_id=letter_id))
    assert again.report == answer.report


def test_keys_that_are_gone_make_no_second_incident(bench: Bench) -> None:
    letter_id = keep(bench, REPORT, "old.csv:17")
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    bench.wait(60 * 24 * 40)
    assert bench.store.purge_keys(bench.now, 100) == 1
    assert done(bench, RedriveDeadLetter(letter_id=letter_id)).report == answer.report
    assert sum(isinstance(event, ev.RoutingDecided) for event in events(bench)) == 1


def test_it_may_join_and_may_be_known_already(bench: Bench) -> None:
    first = bench.taken("1", place="泰和街21号")
    letter_id = keep(bench, msgspec.json.encode({"text": LAMP, "place": "泰和街21号"}), "old.csv:1")
    joined = done(bench, RedriveDeadLetter(letter_id=letter_id)).report
    assert joined is not None
    assert (joined.joined, joined.incident_id) == (True, first.incident_id)
    known = keep(
        bench, msgspec.json.encode({"source": "110", "source_id": "1", "text": LAMP, "place": "泰和街21号"}), "x"
    )
    assert done(bench, RedriveDeadLetter(letter_id=known)).report == first


def test_a_conflict_needs_a_source_id_of_its_own(bench: Bench) -> None:
    first = bench.taken("1")
    conflict = refused_report(bench, "1", "something else")
    assert (conflict.report_id, letter_of(bench, conflict.letter_id).report_id) == (first.report_id, first.report_id)
    again = refused(bench, RedriveDeadLetter(letter_id=conflict.letter_id))
    assert isinstance(again, no.ReportConflict)
    assert again.letter_id == conflict.letter_id
    assert "source_id of its own" in again.detail
    assert sum(isinstance(event, ev.DeadLettered) for event in events(bench)) == 1
    own = msgspec.json.encode({"source": "110", "source_id": "1b", "text": "something else"})
    fix = FixDeadLetter(letter_id=conflict.letter_id, body=own)
    answer = done(bench, fix, RedriveDeadLetter(letter_id=conflict.letter_id))
    assert answer.report is not None
    assert answer.report.incident_id != first.incident_id


def refused_report(bench: Bench, source_id: str, text: str) -> no.ReportConflict:
    outcome = bench.report(source_id, text)
    assert isinstance(outcome, out.Refused)
    assert isinstance(outcome.refusal, no.ReportConflict)
    return outcome.refusal


def command(verb: str, incident_id: str, **more: object) -> tuple[bytes, dict[str, str]]:
    headers = EVENT | {"ce_type": f"dispatch.command.{verb}.v1", "ce_id": f"cmd-{verb}"}
    return msgspec.json.encode({"incident_id": incident_id} | more), headers


def test_a_responders_command_is_carried_out_and_told_on_its_topic(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    raw, headers = command("claim", incident_id)
    letter_id = keep(bench, raw, COMMANDS, headers)
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    assert answer.command is not None
    assert (answer.command.holder, answer.report) == ("urban-lighting", None)
    assert any(isinstance(event, ev.CommandAccepted) for event in events(bench))
    assert done(bench, RedriveDeadLetter(letter_id=letter_id)).command == answer.command


def test_a_commands_no_is_its_answer(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    raw, headers = command("resolve", incident_id)
    letter_id = keep(bench, raw, COMMANDS, headers)
    bench.spine.handle([claim(incident_id, "desk-110")])
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    assert (answer.state, answer.refused) == ("redriven", "NotAllowedInState")
    assert any(isinstance(event, ev.CommandRefused) for event in events(bench))
    raw, headers = command("claim", incident_id, responder="sanitation")
    letter_id = keep(bench, raw, COMMANDS, headers)
    stays = refused(bench, RedriveDeadLetter(letter_id=letter_id))
    assert isinstance(stays, no.LetterStays)
    assert stays.reason == "NotYours"


def test_a_whole_event_may_be_given_as_the_fix(bench: Bench) -> None:
    letter_id = keep(bench, b"?", COMMANDS, {})
    incident_id = bench.taken("1").incident_id
    event = {"specversion": "1.0", "id": "c-9", "source": "x", "type": "dispatch.command.claim.v1"}
    body = msgspec.json.encode(event | {"data": {"incident_id": incident_id}})
    answer = done(bench, FixDeadLetter(letter_id=letter_id, body=body), RedriveDeadLetter(letter_id=letter_id))
    assert answer.command is not None
    assert answer.command.holder == "urban-lighting"


def test_what_broke_the_engine_can_be_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Reports.submit

    def broken(_self: Reports, place: int, it: object) -> out.Outcome:
        raise RuntimeError(place, it)

    monkeypatch.setattr(Reports, "submit", broken)
    outcome = bench.report("1")
    assert isinstance(outcome, out.Refused)
    assert isinstance(outcome.refusal, no.Unprocessable)
    letter_id = outcome.refusal.letter_id
    again = refused(bench, RedriveDeadLetter(letter_id=letter_id))
    assert isinstance(again, no.Unprocessable)
    assert (again.letter_id, letter_of(bench, letter_id).state) == (letter_id, "open")
    monkeypatch.setattr(Reports, "submit", whole)
    answer = done(bench, RedriveDeadLetter(letter_id=letter_id))
    assert bench.taken("1") == answer.report


def test_nobody_commands_us_by_a_letter_of_his_own(bench: Bench) -> None:
    """Bytes that look like a command of the engine's, on a topic that anybody may write to."""
    incident_id = bench.taken("1").incident_id
    raw = msgspec.json.encode(claim(incident_id, "desk-110"))
    letter_id = keep(bench, raw, REPORTS)
    assert isinstance(refused(bench, RedriveDeadLetter(letter_id=letter_id)), no.LetterStays)
    assert not any(isinstance(event, ev.IncidentClaimed) for event in events(bench))


def test_what_is_settled_stays_so(bench: Bench) -> None:
    letter_id, gone = keep(bench, REPORT), keep(bench, REPORT, "other/0/1")
    done(bench, RedriveDeadLetter(letter_id=letter_id))
    wrong: LetterCommand
    for wrong in (FixDeadLetter(letter_id=letter_id, body=b"{}"), DiscardDeadLetter(letter_id=letter_id)):
        assert refused(bench, wrong) == no.LetterSettled(letter_id=letter_id, state="redriven")
    assert not done(bench, DiscardDeadLetter(letter_id=gone)).repeated
    assert done(bench, DiscardDeadLetter(letter_id=gone)).repeated
    for wrong in (FixDeadLetter(letter_id=gone, body=b"{}"), RedriveDeadLetter(letter_id=gone)):
        assert refused(bench, wrong) == no.LetterSettled(letter_id=gone, state="discarded")
    assert letter_of(bench, gone).raw == REPORT


def test_looking_is_journalled(bench: Bench) -> None:
    letter_id = keep(bench, REPORT)
    shown = bench.spine.handle([ReadDeadLetter(letter_id=letter_id, actor="anna")])[0]
    assert isinstance(shown, out.LetterShown)
    assert (shown.answer.raw, shown.answer.text) == (REPORT, REPORT.decode())
    row = bench.store.journal_after(0, 100)[-1]
    assert (row.actor, row.events) == ("anna", (ev.DeadLetterRead(letter_id=letter_id),))


@pytest.mark.parametrize("kind", [ReadDeadLetter, RedriveDeadLetter, DiscardDeadLetter])
def test_unknown_letters_are_refused(bench: Bench, kind: type[ReadDeadLetter]) -> None:
    assert refused(bench, kind(letter_id="nowhere")) == no.UnknownLetter()
    assert refused(bench, FixDeadLetter(letter_id="nowhere", body=b"")) == no.UnknownLetter()


def test_an_erased_letter_can_only_be_named(bench: Bench) -> None:
    letter_id = keep(bench, REPORT)
    erased = bench.spine.handle([EraseBody(letter_id=letter_id)])[0]
    assert isinstance(erased, out.BodiesErased)
    assert erased.answer.letter_ids == (letter_id,)
    assert isinstance(refused(bench, RedriveDeadLetter(letter_id=letter_id)), no.Erased)
    assert isinstance(refused(bench, FixDeadLetter(letter_id=letter_id, body=b"{}")), no.Erased)
    again = bench.spine.handle([EraseBody(letter_id=letter_id)])[0]
    assert isinstance(again, out.BodiesErased)
    assert again.answer.repeated
    shown = bench.spine.handle([ReadDeadLetter(letter_id=letter_id)])[0]
    assert isinstance(shown, out.LetterShown)
    assert (shown.answer.raw, shown.answer.headers, shown.answer.state) == (b"", {}, "discarded")
