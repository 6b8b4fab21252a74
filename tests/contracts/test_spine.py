"""What `handle` promises, over both stores."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pytest

from dispatcher.core import apply_row
from dispatcher.service import NoBundle
from dispatcher.service.arrivals import Arrival, arrive
from dispatcher.store import Store
from schemas import outcomes as out
from schemas import refusals as no
from schemas.command_bodies import CancelBody, ResolveBody
from schemas.commands import CancelIncident, FireDue, KeepDeadLetter, ReadReporter, ResolveIncident, SubmitReport
from schemas.events import CommandAccepted, CommandRefused, DeadLettered, RoutingDecided
from schemas.incidents import Incident
from schemas.reports import Due, Report, Reporter
from tests.contracts.spine_making import LAMP, NOON, Bench, at, claim, submit


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def test_nothing_is_acknowledged_while_no_bundle_is_published(store: Store) -> None:
    with pytest.raises(NoBundle):
        Bench(store).report("1")


def test_a_report_is_routed_in_the_transaction_that_stores_it(bench: Bench) -> None:
    answer = bench.taken("1")
    assert (answer.state, answer.category, answer.owner) == ("offered", "lighting/streetlight", "urban-lighting")
    assert answer.claim_due_at == NOON + timedelta(minutes=20)
    row = bench.store.journal_of(answer.incident_id)[0]
    assert [type(event).__name__ for event in row.events] == ["ReportReceived", "RoutingDecided"]


def test_the_same_report_again_gets_the_same_answer_whatever_happened_since(bench: Bench) -> None:
    first = bench.taken("1")
    bench.spine.handle([claim(first.incident_id, "urban-lighting")])
    bench.wait(500)
    again = bench.report("1")
    assert isinstance(again, out.Taken)
    assert (again.repeated, again.answer) == (True, first)


def test_the_same_report_twice_in_one_batch_is_one_report(bench: Bench) -> None:
    one, two = bench.spine.handle([submit("1"), submit("1")])
    assert isinstance(one, out.Taken)
    assert isinstance(two, out.Taken)
    assert (one.repeated, two.repeated, one.answer) == (False, True, two.answer)


def test_the_same_id_with_other_content_is_a_conflict_and_kept(bench: Bench) -> None:
    bench.taken("1")
    outcomes = [bench.report("1", "别的事情"), bench.report("1", "别的事情")]
    letters = {outcome.refusal.letter_id for outcome in outcomes if isinstance(outcome, out.Refused)}  # type: ignore[union-attr]
    assert len(letters) == 1, "the same conflict is kept once"
    assert bench.store.counts().letters == 1


def test_text_and_people_never_enter_the_journal(bench: Bench) -> None:
    secret = Reporter(name="欧阳试验", phone="13900001111")
    answer = bench.taken("1", reporter=secret, place="泰和街21号")
    read = ReadReporter(incident_id="", report_id=answer.report_id, responder="desk-110")
    shown = bench.spine.handle([read])[0]
    assert isinstance(shown, out.Shown)
    assert shown.answer.reporter == secret
    rows = msgspec.json.encode([row.events for row in bench.store.journal_after(0, 100)]).decode()
    for personal in ("欧阳试验", "13900001111", "泰和街", "路灯坏了"):
        assert personal not in rows


def test_reading_the_reporter_is_for_desk_and_holder_and_is_journalled(bench: Bench) -> None:
    answer = bench.taken("1", reporter=Reporter(name="试", phone="1"))

    def read(who: str) -> out.Outcome:
        return bench.spine.handle([ReadReporter(incident_id="", report_id=answer.report_id, responder=who)])[0]

    before = bench.store.last_position()
    refused = read("urban-lighting")
    assert isinstance(refused, out.Refused)
    assert isinstance(refused.refusal, no.NotYours)
    assert bench.store.last_position() == before
    bench.spine.handle([claim(answer.incident_id, "urban-lighting")])
    assert isinstance(read("urban-lighting"), out.Shown)
    assert bench.store.last_position() == before + 2


def test_grouping_joins_a_second_caller_and_answers_both(bench: Bench) -> None:
    first = bench.taken("1", location=at(46.69, 126.10))
    bench.wait(10)
    second = bench.taken("2", "路灯不亮", location=at(46.69001, 126.10001))
    far = bench.taken("3", location=at(46.70, 126.10))
    assert (second.joined, second.incident_id, second.owner) == (True, first.incident_id, first.owner)
    assert second.claim_due_at == first.claim_due_at
    assert far.incident_id != first.incident_id


def test_two_callers_in_one_batch_are_one_incident(bench: Bench) -> None:
    outcomes = bench.spine.handle([submit(str(n), location=at(46.69, 126.10)) for n in range(5)])
    answers = [outcome.answer for outcome in outcomes if isinstance(outcome, out.Taken)]
    assert {answer.incident_id for answer in answers} == {answers[0].incident_id}
    assert [answer.joined for answer in answers] == [False, True, True, True, True]


def test_unlocated_reports_group_by_equal_place_only(bench: Bench) -> None:
    first = bench.taken("1", LAMP)
    assert bench.taken("2", LAMP).incident_id == first.incident_id
    assert bench.taken("3", "北环路8号门前路灯坏了").incident_id != first.incident_id


def test_nobody_joins_what_is_over(bench: Bench) -> None:
    first = bench.taken("1", location=at(46.69, 126.10))
    done = ResolveIncident(incident_id=first.incident_id, body=ResolveBody(responder="urban-lighting"))
    bench.spine.handle([claim(first.incident_id, "urban-lighting"), done])
    assert bench.taken("2", location=at(46.69, 126.10)).incident_id != first.incident_id


def test_whoever_comes_after_the_end_joins_what_was_opened_since(bench: Bench) -> None:
    """All in one batch: the first of the new ones opens, the second joins it and not the one that is over."""
    first = bench.taken("1", location=at(46.69, 126.10))
    cancel = CancelIncident(incident_id=first.incident_id, body=CancelBody(responder="desk-110", reason="重复"))
    outcomes = bench.spine.handle([cancel, *[submit(each, location=at(46.69, 126.10)) for each in "23"]])
    second, third = [outcome.answer for outcome in outcomes[1:] if isinstance(outcome, out.Taken)]
    assert (second.joined, third.joined) == (False, True)
    assert third.incident_id == second.incident_id != first.incident_id


def test_when_the_nearest_ends_in_the_batch_the_next_is_joined(bench: Bench) -> None:
    """Two stand there, since neither knew enough of the other; the third report fits both."""
    by_point = bench.taken("1", "路灯坏了", location=at(46.69, 126.10))
    by_name = bench.taken("2", "路灯坏了", place="泰和街21号")
    assert by_point.incident_id != by_name.incident_id
    cancel = CancelIncident(incident_id=by_point.incident_id, body=CancelBody(responder="desk-110", reason="重复"))
    third = submit("3", "路灯坏了", place="泰和街21号", location=at(46.69, 126.10))
    outcome = bench.spine.handle([cancel, third])[1]
    assert isinstance(outcome, out.Taken)
    assert outcome.answer.incident_id == by_name.incident_id


def test_a_command_id_is_honoured_once(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    first, again = bench.spine.handle(
        [claim(incident_id, "urban-lighting", command_id="k", digest="d") for _ in range(2)]
    )
    assert isinstance(first, out.Done)
    assert isinstance(again, out.Done)
    assert (first.repeated, again.repeated, first.answer) == (False, True, again.answer)
    other = bench.spine.handle([claim(incident_id, "urban-lighting", command_id="k", digest="e")])[0]
    assert isinstance(other, out.Refused)
    assert isinstance(other.refusal, no.IdempotencyMismatch)


def test_a_used_command_id_is_complained_of_once_however_often_it_is_read(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    said = [claim(incident_id, "urban-lighting", command_id="k", digest=each, by_topic=True) for each in "dee"]
    for batch in (said, said, said[1:]):
        outcomes = bench.spine.handle(batch)
        assert isinstance(outcomes[-1], out.Refused)
        assert isinstance(outcomes[-1].refusal, no.IdempotencyMismatch)
    events = [event for row in bench.store.journal_of(incident_id) for event in row.events]
    assert len([event for event in events if isinstance(event, CommandAccepted)]) == 1
    assert len([event for event in events if isinstance(event, CommandRefused)]) == 1


def test_every_command_from_a_topic_ends_in_one_journalled_outcome(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    by_topic = [
        claim(incident_id, "urban-lighting", command_id="c1", by_topic=True),
        claim(incident_id, "urban-lighting", command_id="c2", by_topic=True),
        claim(incident_id, "power", command_id="c3", by_topic=True),
        claim("no-such-incident", "power", command_id="c4", by_topic=True),
    ]
    before = bench.store.last_position()
    bench.spine.handle(by_topic)
    bench.spine.handle(by_topic)
    rows = bench.store.journal_after(before, 100)
    told = [
        (row.command_id, type(event).__name__, getattr(event, "reason", ""))
        for row in rows
        for event in row.events
        if isinstance(event, CommandAccepted | CommandRefused)
    ]
    assert told == [
        ("c1", "CommandAccepted", ""),
        ("c2", "CommandAccepted", ""),
        ("c3", "CommandRefused", "NotCandidate"),
        ("c4", "CommandRefused", "UnknownIncident"),
    ]


def test_alarms_ring_once_and_never_early(bench: Bench) -> None:
    incident_id = bench.taken("1").incident_id
    bench.wait(20)
    assert bench.store.due_before(bench.now, 10) == []
    assert bench.spine.handle([FireDue(incident_id=incident_id)])[0] == out.Fired(incident_id=incident_id, rang=())
    bench.wait(0.001)
    assert [due[1] for due in bench.store.due_before(bench.now, 10)] == [incident_id]
    fired = bench.spine.handle([FireDue(incident_id=incident_id), FireDue(incident_id=incident_id)])
    assert [outcome.rang for outcome in fired if isinstance(outcome, out.Fired)] == [("claim",), ()]
    assert bench.store.due_before(bench.now, 10) == []


def test_given_due_instants_count_for_imports_only(bench: Bench) -> None:
    due = Due(claim_at=None, resolution_at=NOON + timedelta(days=9))
    plain = bench.taken("1", due=due)
    assert plain.claim_due_at == NOON + timedelta(minutes=20)
    assert any(warning.startswith("due-ignored") for warning in plain.warnings)
    imported = submit("2", "北环路8号门前路灯坏了", due=due)
    outcome = bench.spine.handle([msgspec.structs.replace(imported, trusted=True)])[0]
    assert isinstance(outcome, out.Taken)
    assert (outcome.answer.claim_due_at, outcome.answer.resolution_due_at) == (None, due.resolution_at)


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_due_instant_at_the_end_of_time_is_set_aside_and_stops_no_clock(bench: Bench, written: str) -> None:
    """Stored, it would keep the tick from reading what else is due."""
    at = datetime.fromisoformat(written)
    report = Report(source="110", source_id="1", text=LAMP, due=Due(claim_at=at, resolution_at=at))
    outcome = bench.spine.handle([SubmitReport(report=report, trusted=True)])[0]
    assert isinstance(outcome, out.Taken)
    assert outcome.answer.claim_due_at == NOON + timedelta(minutes=20)
    assert "due-ignored: out of range" in outcome.answer.warnings
    bench.wait(21)
    assert [incident_id for _, incident_id in bench.store.due_before(bench.now, 9)] == [outcome.answer.incident_id]


def test_a_guilty_command_stands_alone_and_becomes_a_dead_letter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(command: SubmitReport, secret: bytes) -> Arrival:
        if command.report.source_id == "poison":
            raise RuntimeError("poison")
        return arrive(command, secret)

    monkeypatch.setattr("dispatcher.service.reports.arrive", poisoned)
    batch = [submit(str(n), f"北环路{n}号门前路灯坏了") for n in range(8)]
    batch.insert(3, submit("poison"))
    outcomes = bench.spine.handle(batch)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Taken"] * 3 + ["Refused"] + ["Taken"] * 5
    assert bench.store.counts().letters == 1


def test_whatever_fails_in_routing_the_report_still_reaches_the_desk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("dispatcher.service.arrivals.route", broken)
    answer = bench.taken("1")
    assert (answer.owner, answer.reasons) == ("desk-110", ("engine-error: RuntimeError",))


def test_dead_letters_are_kept_once_with_their_reason(bench: Bench) -> None:
    letter = KeepDeadLetter(raw=b"\xff\x00", reason="not JSON", origin="dispatch.reports.v1/0/7", via="kafka")
    first, again = bench.spine.handle([letter, letter])
    later = bench.spine.handle([letter])[0]
    assert isinstance(first, out.Lettered)
    for repeated in (again, later):
        assert repeated == out.Lettered(letter_id=first.letter_id, repeated=True)
    events = [event for row in bench.store.journal_after(0, 99) for event in row.events]
    assert sum(isinstance(event, DeadLettered) for event in events) == 1


def test_the_journal_rebuilds_every_incident_bit_for_bit(bench: Bench) -> None:
    answers = [bench.taken(str(n), f"北环路{n}号门前路灯坏了") for n in range(5)]
    bench.spine.handle([claim(answer.incident_id, "urban-lighting") for answer in answers[:3]])
    bench.wait(400)
    bench.spine.handle([FireDue(incident_id=answer.incident_id) for answer in answers])
    folded: dict[str, Incident] = {}
    for row in bench.store.journal_after(0, 1000):
        if row.incident_id is not None:
            folded[row.incident_id] = apply_row(folded.get(row.incident_id), row.seq, row.events)
    with bench.store.begin() as txn:
        stored = txn.load(set(folded))
    assert msgspec.json.encode(stored, order="sorted") == msgspec.json.encode(folded, order="sorted")
    assert bench.store.verify_journal() is None


def test_the_decision_names_its_bundle_and_rule_in_the_journal(bench: Bench) -> None:
    answer = bench.taken("1")
    decided = bench.store.journal_of(answer.incident_id)[0].events[1]
    assert isinstance(decided, RoutingDecided)
    assert (decided.decision.bundle, decided.decision.rule) == (bench.store.active_bundle("cn-231223"), "streetlight")


class TestSeveralProcesses:
    """Two spines over one PostgreSQL, as two processes would be."""

    @pytest.fixture
    def benches(self, postgres_url: str) -> Iterator[list[Bench]]:
        stores = [Store.open(postgres_url) for _ in range(4)]
        benches = [Bench(store, seed=1000 * (n + 1)) for n, store in enumerate(stores)]
        benches[0].publish()
        yield benches
        for store in stores:
            store.close()

    @staticmethod
    def _at_once(benches: list[Bench], work: object) -> list[object]:
        results: list[object] = [None] * len(benches)
        gate = threading.Barrier(len(benches))

        def run(n: int) -> None:
            gate.wait()
            try:
                results[n] = work(n, benches[n])  # type: ignore[operator]
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results[n] = error

        threads = [threading.Thread(target=run, args=(n,)) for n in range(len(benches))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def test_one_lamp_reported_by_many_at_once_is_one_incident(self, benches: list[Bench]) -> None:
        for turn in range(10):
            spot = at(46.60 + turn / 50, 126.1)

            def work(n: int, bench: Bench, turn: int = turn, spot: object = spot) -> str:
                return bench.taken(f"{turn}-{n}", location=spot).incident_id

            incidents = self._at_once(benches, work)
            assert len(set(incidents)) == 1, incidents

    def test_the_same_report_sent_to_all_is_taken_once(self, benches: list[Bench]) -> None:
        for turn in range(10):

            def work(_: int, bench: Bench, turn: int = turn) -> tuple[bool, str]:
                outcome = bench.report(f"same-{turn}", f"北环路{turn}号门前路灯坏了")
                assert isinstance(outcome, out.Taken), outcome
                return outcome.repeated, outcome.answer.report_id

            results = self._at_once(benches, work)
            assert len({result[1] for result in results}) == 1, results  # type: ignore[index]
            assert sorted(result[0] for result in results) == [False, True, True, True]  # type: ignore[index]

    def test_one_claim_wins(self, benches: list[Bench]) -> None:
        who = ["sanitation", "property-management"]
        for turn in range(10):
            garbage = Report(source="110", source_id=f"g{turn}", category="sanitation/garbage")
            answer = benches[0].spine.handle([submit(f"g{turn}").__class__(report=garbage)])[0]
            assert isinstance(answer, out.Taken)
            incident_id = answer.answer.incident_id

            def work(n: int, bench: Bench, incident_id: str = incident_id) -> out.Outcome:
                return bench.spine.handle([claim(incident_id, who[n % 2])])[0]

            results = self._at_once(benches, work)
            winners = {result.answer.holder for result in results if isinstance(result, out.Done)}
            losers = [result.refusal for result in results if isinstance(result, out.Refused)]
            assert len(winners) == 1, results
            assert len(losers) == 2
            assert {loser.holder for loser in losers if isinstance(loser, no.AlreadyClaimed)} == winners
