"""The moves that need more than their incident (merge, correct, reopen, undo, storms), over both stores."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from dispatcher.core import apply_row
from dispatcher.loops.storms import StormWatch
from dispatcher.service import Policies, Writer
from dispatcher.store import Store
from routing_rules import encode_bundle, load_pack
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import BODIES, Command, PublishBundle, ReadReporter
from schemas.incidents import Incident
from tests.contracts.spine_making import LAMP, NOON, PACK, Bench, at, submit

DESK = "desk-110"
LIGHTING = "urban-lighting"
GARBAGE = "两栋楼之间堆了很多垃圾,这得找谁啊"


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def command(verb: str, incident_id: str, who: str | None = None, **says: Any) -> Command:
    body, kind = BODIES[verb]
    return kind(incident_id=incident_id, body=body(responder=who, **says))  # type: ignore[call-arg]


def does(bench: Bench, verb: str, incident_id: str, who: str | None = None, **says: Any) -> out.CommandAnswer:
    outcome = bench.spine.handle([command(verb, incident_id, who, **says)])[0]
    assert isinstance(outcome, out.Done), outcome
    return outcome.answer


def refused(bench: Bench, verb: str, incident_id: str, who: str | None = None, **says: Any) -> no.Refusal:
    outcome = bench.spine.handle([command(verb, incident_id, who, **says)])[0]
    assert isinstance(outcome, out.Refused), outcome
    return outcome.refusal


def stored(bench: Bench, incident_id: str) -> Incident:
    """As stored, which must be what its journal says."""
    with bench.store.begin() as txn:
        found: Incident = txn.load([incident_id])[incident_id]
    replayed: Incident | None = None
    for row in bench.store.journal_of(incident_id):
        replayed = apply_row(replayed, row.seq, row.events)
    assert replayed == found
    return found


class TestMerge:
    def test_both_halves_in_one_transaction_and_back(self, bench: Bench) -> None:
        first, second = bench.taken("1").incident_id, bench.taken("2", GARBAGE).incident_id
        does(bench, "claim", second, "sanitation")
        assert does(bench, "merge", second, into=first).state == "duplicate"
        kept, gone = stored(bench, first), stored(bench, second)
        assert (kept.voices, [it.incident_id for it in kept.duplicates]) == (2, [second])
        assert (gone.state, gone.merged_into) == ("duplicate", first)
        assert all(offer.state == "withdrawn" for offer in gone.offers)
        does(bench, "unmerge", second)
        kept, gone = stored(bench, first), stored(bench, second)
        assert (kept.voices, kept.duplicates, gone.state, gone.merged_into) == (1, (), "offered", None)

    def test_whoever_holds_the_one_that_stays_may_ring_the_duplicates_reporter(self, bench: Bench) -> None:
        first, second = bench.taken("1").incident_id, bench.taken("2", GARBAGE)
        does(bench, "claim", first, LIGHTING)
        asks = [ReadReporter(incident_id="", report_id=second.report_id, responder=LIGHTING)]
        assert isinstance(bench.spine.handle(asks)[0], out.Refused)
        does(bench, "merge", second.incident_id, into=first)
        assert isinstance(bench.spine.handle(asks)[0], out.Shown)

    def test_either_half_alone_never(self, bench: Bench) -> None:
        first, second = bench.taken("1").incident_id, bench.taken("2", GARBAGE).incident_id
        does(bench, "cancel", first, reason="误报")
        assert isinstance(refused(bench, "merge", second, into=first), no.MergeRefused)
        assert (stored(bench, first).voices, stored(bench, second).state) == (1, "offered")

    def test_not_in_a_circle_nor_into_itself_nor_into_nothing(self, bench: Bench) -> None:
        first, second = bench.taken("1").incident_id, bench.taken("2", GARBAGE).incident_id
        does(bench, "merge", second, into=first)
        assert isinstance(refused(bench, "merge", first, into=second), no.MergeRefused)
        assert isinstance(refused(bench, "merge", first, into=first), no.MergeRefused)
        assert isinstance(refused(bench, "merge", first, into="01JUNKNOWN0000000000000000"), no.UnknownIncident)

    def test_two_merges_crossing_in_one_batch_leave_one(self, bench: Bench) -> None:
        first, second = bench.taken("1").incident_id, bench.taken("2", GARBAGE).incident_id
        one, other = bench.spine.handle([command("merge", first, into=second), command("merge", second, into=first)])
        assert isinstance(one, out.Done)
        assert isinstance(other, out.Refused)
        assert (stored(bench, first).state, stored(bench, second).voices) == ("duplicate", 2)


class TestCorrection:
    def test_another_category_goes_to_another_owner_and_is_a_label(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "claim", incident_id, LIGHTING)
        does(bench, "correct", incident_id, category="sanitation/garbage")
        now = stored(bench, incident_id)
        assert (now.category, now.owner, now.rule, now.state) == (
            "sanitation/garbage",
            "sanitation",
            "garbage",
            "offered",
        )
        told = [it for row in bench.store.journal_of(incident_id) for it in row.events]
        label = next(event for event in told if isinstance(event, ev.IncidentCorrected))
        assert label.was_category == "lighting/streetlight"

    def test_the_place_goes_to_the_bodies_and_nobody_joins_the_old_one(self, bench: Bench) -> None:
        here, there = at(46.6900, 126.1000), at(46.7000, 126.1200)
        incident_id = bench.taken("1", location=here).incident_id
        does(bench, "correct", incident_id, location=there, place="泰和街99号")
        assert "泰和街99号" not in repr(bench.store.journal_of(incident_id))
        assert stored(bench, incident_id).cell == "4670:12612"
        assert bench.taken("2", location=here).incident_id != incident_id

    def test_an_unknown_category_is_refused(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        refusal = refused(bench, "correct", incident_id, category="no/such")
        assert refusal == no.UnknownCategory(category="no/such")

    def test_an_earlier_correction_stays(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "correct", incident_id, category="sanitation/garbage")
        does(bench, "correct", incident_id, area="231223100")
        now = stored(bench, incident_id)
        assert (now.category, now.area) == ("sanitation/garbage", "231223100")


class TestReopening:
    def test_the_next_cycle_has_clocks_of_its_own(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "claim", incident_id, LIGHTING)
        does(bench, "resolve", incident_id, LIGHTING)
        bench.wait(60)
        answer = does(bench, "follow-up", incident_id, solved=False)
        assert (answer.state, answer.cycle, answer.epoch) == ("offered", 2, 1)
        assert answer.claim_due_at is not None
        assert (answer.claim_due_at - bench.now).total_seconds() == 20 * 60
        assert stored(bench, incident_id).owner == LIGHTING

    def test_an_answer_to_the_cycle_before_is_recognised(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "claim", incident_id, LIGHTING)
        does(bench, "resolve", incident_id, LIGHTING)
        does(bench, "reopen", incident_id, reason="又坏了")
        refusal = refused(bench, "claim", incident_id, LIGHTING, cycle=1, epoch=1)
        assert isinstance(refusal, no.OfferWithdrawnRefusal)

    def test_it_closes_by_itself_seven_days_after_nobody_confirmed(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "claim", incident_id, LIGHTING)
        does(bench, "resolve", incident_id, LIGHTING)
        assert bench.store.next_due() is not None
        assert (bench.store.next_due() - bench.now).days == 7  # type: ignore[operator]


class TestUndo:
    def test_within_its_seconds_and_in_its_own_batch(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        claimed, undone = bench.spine.handle(
            [
                command("claim", incident_id, LIGHTING),
                command("undo", incident_id, LIGHTING),
            ]
        )
        assert isinstance(claimed, out.Done)
        assert isinstance(undone, out.Done)
        assert (undone.answer.state, undone.answer.epoch) == ("offered", 2)
        assert stored(bench, incident_id).state == "offered"

    def test_not_after_20_seconds_and_not_by_another(self, bench: Bench) -> None:
        incident_id = bench.taken("1").incident_id
        does(bench, "claim", incident_id, LIGHTING)
        assert isinstance(refused(bench, "undo", incident_id, DESK), no.NotUndoable)
        bench.wait(21 / 60)
        assert isinstance(refused(bench, "undo", incident_id, LIGHTING), no.NotUndoable)


class TestSelfHeld:
    def test_a_team_enters_and_holds_it_in_one_step_and_the_desk_gets_a_copy(self, bench: Bench) -> None:
        answer = bench.taken("1", "连丰乡某屯附近车掉沟里了", held_by="mammoth-rescue")
        assert (answer.state, answer.owner, answer.offers) == ("claimed", "mammoth-rescue", ("mammoth-rescue",))
        assert DESK in answer.copies
        held = stored(bench, answer.incident_id)
        assert (held.state, held.claimed_at) == ("claimed", bench.now)
        assert bench.taken("1", "连丰乡某屯附近车掉沟里了", held_by="mammoth-rescue") == answer

    def test_an_unknown_team_is_a_warning_and_the_report_is_routed(self, bench: Bench) -> None:
        answer = bench.taken("1", held_by="nobody")
        assert (answer.state, answer.owner) == ("offered", LIGHTING)
        assert "unknown-responder: nobody" in answer.warnings


class TestVoices:
    def test_lamps_40_metres_apart_are_two_at_30_metres(self, bench: Bench) -> None:
        one, other = at(46.69, 126.10), at(46.69 + 40 / 111_195, 126.10)
        assert bench.taken("1", location=one).incident_id != bench.taken("2", location=other).incident_id

    def test_reports_at_the_point_that_a_source_gives_when_it_knows_none_do_not_collapse(self, bench: Bench) -> None:
        bundle = replace(load_pack(PACK), default_points=((46.69, 126.10),))
        bench.spine.handle([PublishBundle(bundle=encode_bundle(bundle))])
        answers = [bench.taken(str(n), f"和平街{n}号门前路灯坏了", location=at(46.69, 126.10)) for n in range(1, 4)]
        assert len({answer.incident_id for answer in answers}) == 3
        assert bench.taken("here", location=at(46.70, 126.10)).joined is False
        assert bench.taken("there", location=at(46.70, 126.10)).joined is True

    @pytest.mark.parametrize("verb", ["plan", "start", "pause"])
    def test_a_later_voice_joins_whatever_is_being_done_about_it(self, bench: Bench, verb: str) -> None:
        first = bench.taken("1", location=at(46.69, 126.10))
        does(bench, "claim", first.incident_id, LIGHTING)
        says: dict[str, dict[str, Any]] = {
            "plan": {"promised_at": NOON + timedelta(hours=2)},
            "pause": {"waiting_for": "parts"},
        }
        does(bench, verb, first.incident_id, LIGHTING, **says.get(verb, {}))
        bench.wait(5)
        assert bench.taken("2", location=at(46.69, 126.10)).joined is True
        assert stored(bench, first.incident_id).voices == 2


class TestStorm:
    @pytest.fixture
    def watch(self, bench: Bench) -> Any:
        writer = Writer(bench.spine, lambda: 0.0)
        writer.start()
        yield StormWatch(bench.store, writer, Policies(), lambda: bench.now)
        writer.stop()

    def test_the_tenth_of_a_kind_makes_the_first_their_parent(self, bench: Bench, watch: StormWatch) -> None:
        ids = self._lamps(bench, 9)
        watch.step()
        assert stored(bench, ids[0]).gathered == 0
        ids += self._lamps(bench, 1, start=9)
        watch.step()
        first, *others = [stored(bench, incident_id) for incident_id in ids]
        assert first.gathered == 9
        assert [it.parent for it in others] == [first.id] * 9
        assert [it.state for it in others] == ["offered"] * 9
        position = bench.store.last_position()
        watch.step()
        assert bench.store.last_position() == position, "nothing new, nothing written"
        (late,) = self._lamps(bench, 1, start=10)
        watch.step()
        assert (stored(bench, late).parent, stored(bench, first.id).gathered) == (first.id, 10)

    def test_an_hour_later_it_is_another_storm(self, bench: Bench, watch: StormWatch) -> None:
        self._lamps(bench, 9)
        bench.wait(61)
        (late,) = self._lamps(bench, 1, start=9)
        watch.step()
        assert stored(bench, late).parent is None

    @staticmethod
    def _lamps(bench: Bench, count: int, start: int = 0) -> list[str]:
        """Lamps 55 m apart, so that none joins another."""
        places = [at(46.69 + number * 0.0005, 126.10) for number in range(start, start + count)]
        taken = bench.spine.handle([submit(f"s{start + n}", LAMP, location=it) for n, it in enumerate(places)])
        return [it.answer.incident_id for it in taken if isinstance(it, out.Taken)]
