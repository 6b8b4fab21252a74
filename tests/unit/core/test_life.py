"""The moves of a whole life, each as one small story."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from dispatcher.core import apply_row, next_due_at
from dispatcher.core.clocks import clock_of, due_at
from dispatcher.core.parties import holders, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import FireDue
from tests.unit.core.incident_making import DESK, done, minutes
from tests.unit.core.life_making import Life, in_state


def kinds(happened: tuple[ev.AnyEvent, ...]) -> list[type]:
    return [type(event) for event in happened]


class TestPauses:
    def test_the_resolution_clock_is_due_later_by_as_long_as_it_stood(self) -> None:
        life = in_state("working")
        before = due_at(life.incident, "resolution")
        life.does("pause", "a", waiting_for="parts")
        assert next_due_at(life.incident) is None
        life.does("resume", "a", after_min=90)
        assert before is not None
        assert due_at(life.incident, "resolution") == before + timedelta(minutes=90)
        assert [(it.waiting_for, it.until is not None) for it in life.incident.pauses] == [("parts", True)]

    def test_what_is_overdue_rings_before_it_stands(self) -> None:
        life = in_state("working")
        happened = life.does("pause", "a", after_min=1_000)
        assert kinds(happened) == [ev.ClockBreached, ev.WorkPaused]

    def test_a_clock_that_stands_does_not_ring(self) -> None:
        life = in_state("paused")
        assert done(life.incident, FireDue(incident_id="I1"), minutes(5_000))[1] == ()

    def test_resolving_while_it_stands_is_not_late(self) -> None:
        life = in_state("paused")
        happened = life.does("resolve", "a", after_min=5_000)
        assert kinds(happened) == [ev.IncidentResolved]
        clock = clock_of(life.incident, "resolution")
        assert clock is not None
        assert clock.stopped_at is not None
        assert clock.stopped_at <= clock.due_at

    def test_giving_it_back_ends_the_pause(self) -> None:
        life = in_state("paused")
        life.does("return", "a")
        clock = clock_of(life.incident, "resolution")
        assert clock is not None
        assert clock.paused_at is None
        assert life.incident.pauses[-1].until is not None

    def test_deferred_is_looked_at_again_on_its_day(self) -> None:
        life = in_state("working")
        life.does("defer", DESK, until=minutes(3_000))
        assert (life.incident.state, next_due_at(life.incident)) == ("paused", minutes(3_000))
        rung, happened = done(life.incident, FireDue(incident_id="I1"), minutes(3_001))
        assert [event.clock for event in happened if isinstance(event, ev.ClockBreached)] == ["recheck"]
        assert rung.state == "paused"
        life.does("resume", DESK, after_min=10)
        assert clock_of(life.incident, "recheck") is None


class TestPromises:
    @pytest.mark.parametrize(("verb", "state"), [("claim", "offered"), ("plan", "claimed")])
    def test_a_promise_lies_ahead(self, verb: str, state: str) -> None:
        life = in_state(state)  # type: ignore[arg-type]
        assert isinstance(life.refuses(verb, "a", promised_at=minutes(life.minute)), no.NotInFuture)

    def test_a_new_promise_while_working_is_no_step_back(self) -> None:
        life = in_state("working")
        life.does("plan", "a", promised_at=minutes(900))
        assert (life.incident.state, life.incident.promised_at) == ("working", minutes(900))


class TestUnits:
    def test_a_unit_goes_its_way(self) -> None:
        life = in_state("claimed")
        for verb in ("dispatch", "en-route", "on-scene", "clear"):
            life.does(verb, "a", unit="车1")
        assert [(unit.unit, unit.state) for unit in life.incident.units] == [("车1", "cleared")]

    def test_saying_it_twice_changes_nothing(self) -> None:
        life = in_state("claimed")
        life.does("dispatch", "a")
        assert life.does("dispatch", "a") == ()

    def test_what_was_never_sent_cannot_be_cleared(self) -> None:
        refusal = in_state("claimed").refuses("clear", "a")
        assert refusal == no.UnitNotThere(unit="car-1", state="")

    def test_others_do_not_move_it(self) -> None:
        life = Life(mode="race")
        life.does("claim", "a")
        life.does("claim", "b")
        life.does("dispatch", "a")
        assert isinstance(life.refuses("en-route", "b"), no.NotYours)
        life.does("en-route", DESK)

    def test_units_of_whoever_gives_it_back_are_called_back(self) -> None:
        life = in_state("claimed")
        life.does("on-scene", "a")
        life.does("return", "a")
        assert [unit.state for unit in life.incident.units] == ["withdrawn"]

    def test_it_may_be_cleared_after_the_end(self) -> None:
        life = in_state("claimed")
        life.does("on-scene", "a")
        life.does("resolve", "a")
        life.does("clear", "a")
        assert life.incident.units[0].state == "cleared"


class TestReferral:
    def test_the_desk_hands_it_over_and_the_claim_clock_runs_on(self) -> None:
        life = in_state("working")
        due = due_at(life.incident, "claim")
        happened = life.does("refer", DESK, to="c")
        assert kinds(happened) == [ev.IncidentReferred, ev.OfferWithdrawn, ev.IncidentReoffered]
        incident = life.incident
        assert (incident.state, incident.owner, incident.epoch, due_at(incident, "claim")) == ("offered", "c", 2, due)
        clock = clock_of(incident, "claim")
        assert clock is not None
        assert clock.stopped_at is None

    def test_from_a_holder_it_is_a_suggestion_to_the_desk(self) -> None:
        life = in_state("claimed")
        life.does("refer", "a", to="c")
        assert (life.incident.state, life.incident.owner, life.incident.suggested_owner) == ("offered", DESK, "c")

    def test_nobody_unknown(self) -> None:
        assert in_state("claimed").refuses("refer", DESK, to="nobody") == no.UnknownResponder(responder="nobody")

    def test_to_whoever_has_it_changes_nothing(self) -> None:
        life = in_state("claimed")
        assert life.does("refer", DESK, to="a") == ()


class TestJointHandling:
    def test_the_lead_keeps_it_and_the_others_are_asked(self) -> None:
        life = in_state("working")
        life.does("joint", DESK, departments=("c", "d"))
        assert (life.incident.state, life.incident.mode, life.incident.owner) == ("working", "all", "a")
        life.does("claim", "c")
        assert (holders(life.incident), life.incident.state) == (("c", "a"), "working")

    def test_another_lead_is_asked_first(self) -> None:
        life = in_state("working")
        life.does("joint", DESK, departments=("c",), lead="d")
        assert (life.incident.state, life.incident.owner, life.incident.epoch) == ("offered", "d", 2)
        life.does("claim", "c")
        assert str(life.incident.state) == "offered"
        life.does("claim", "d")
        assert str(life.incident.state) == "claimed"


class TestExtension:
    def test_asked_and_granted_as_asked(self) -> None:
        life = in_state("working")
        life.does("extend", "a", until=minutes(1_000))
        assert (life.incident.extension_asked_for, due_at(life.incident, "resolution")) == (
            minutes(1_000),
            minutes(240),
        )
        life.does("extend", DESK, until=None, granted=True)
        assert (life.incident.extension_asked_for, due_at(life.incident, "resolution")) == (None, minutes(1_000))

    def test_not_granted(self) -> None:
        life = in_state("working")
        life.does("extend", "a", until=minutes(1_000))
        life.does("extend", DESK, until=None, granted=False)
        assert (life.incident.extension_asked_for, due_at(life.incident, "resolution")) == (None, minutes(240))

    def test_nobody_grants_himself(self) -> None:
        assert isinstance(in_state("working").refuses("extend", "a", granted=True), no.NotYours)

    @pytest.mark.parametrize("says", [{"until": None}, {"until": None, "granted": False}, {"until": minutes(200)}])
    def test_the_desk_must_have_something_to_decide(self, says: dict[str, object]) -> None:
        assert isinstance(in_state("working").refuses("extend", DESK, **says), no.NothingToDecide)

    def test_the_alarm_of_the_old_instant_rings_and_the_new_one_may_too(self) -> None:
        life = in_state("working")
        happened = life.does("extend", DESK, after_min=300, until=minutes(1_000))
        assert kinds(happened) == [ev.ClockBreached, ev.ExtensionDecided]
        rung = done(life.incident, FireDue(incident_id="I1"), minutes(1_001))[1]
        assert [event.due_at for event in rung if isinstance(event, ev.ClockBreached)] == [minutes(1_000)]


class TestFollowUp:
    def test_solved_closes(self) -> None:
        life = in_state("resolved")
        life.does("follow-up", DESK, solved=True, satisfied=False)
        incident = life.incident
        assert (incident.state, incident.solved, incident.satisfied, incident.unconfirmed) == (
            "closed",
            True,
            False,
            False,
        )

    def test_not_solved_begins_the_next_cycle_with_whoever_had_it(self) -> None:
        life = in_state("resolved")
        life.does("follow-up", DESK, solved=False)
        incident = life.incident
        assert (incident.state, incident.cycle, incident.epoch, incident.owner) == ("offered", 2, 1, "a")
        assert due_at(incident, "claim") == minutes(life.minute + 20)
        assert [(offer.responder, offer.state) for offer in incident.offers] == [("a", "offered")]

    def test_not_reached_is_only_kept(self) -> None:
        life = in_state("resolved")
        life.does("follow-up", DESK, solved=None, satisfied=None)
        assert life.incident.state == "resolved"

    def test_nobody_confirmed_it_is_closed_by_time_once(self) -> None:
        life = Life(close_after_s=7 * 86_400.0)
        life.does("claim", "a")
        life.does("resolve", "a")
        until = minutes(2) + timedelta(days=7)
        assert next_due_at(life.incident) == until
        assert done(life.incident, FireDue(incident_id="I1"), until)[1] == ()
        closed, happened = done(life.incident, FireDue(incident_id="I1"), until + timedelta(seconds=1))
        assert kinds(happened) == [ev.IncidentClosed]
        assert (closed.state, closed.unconfirmed, next_due_at(closed)) == ("closed", True, None)

    def test_reopened_after_time_closed_it_is_confirmed_anew(self) -> None:
        life = Life(close_after_s=60.0)
        life.does("claim", "a")
        life.does("resolve", "a")
        happened = done(life.incident, FireDue(incident_id="I1"), minutes(10))
        life.incident, life.minute = happened[0], 10
        life.does("reopen", DESK)
        assert (life.incident.state, life.incident.unconfirmed, life.incident.cycle) == ("offered", False, 2)


class TestCorrection:
    def test_another_owner_is_asked_and_the_old_one_need_not_go_on(self) -> None:
        life = in_state("working")
        happened = life.does("correct", DESK)
        assert kinds(happened) == [ev.IncidentCorrected, ev.OfferWithdrawn, ev.IncidentReoffered]
        incident = life.incident
        assert (incident.state, incident.owner, incident.category, incident.epoch) == (
            "offered",
            "c",
            "sanitation/garbage",
            2,
        )
        assert due_at(incident, "claim") == minutes(life.minute + 20)
        corrected = happened[0]
        assert isinstance(corrected, ev.IncidentCorrected)
        assert corrected.was_category == "lighting/streetlight"

    def test_whoever_has_it_and_is_named_again_keeps_it(self) -> None:
        life = in_state("working")
        happened = life.does("correct", DESK, routed_to=("a", "c"))
        assert kinds(happened) == [ev.IncidentCorrected]
        assert (life.incident.state, life.incident.owner, holders(life.incident)) == ("working", "a", ("a",))
        assert due_at(life.incident, "claim") == minutes(20)

    def test_a_category_that_nobody_knows(self) -> None:
        assert isinstance(in_state("offered").refuses("correct", DESK, category="x/y"), no.UnknownCategory)

    def test_nothing_put_right(self) -> None:
        assert isinstance(in_state("offered").refuses("correct", DESK, category=None), no.NothingToDecide)


class TestMerge:
    def test_there_and_back(self) -> None:
        life = in_state("working")
        happened = life.does("merge", DESK)
        assert kinds(happened) == [ev.IncidentMerged, ev.OfferWithdrawn]
        assert (life.incident.state, life.incident.merged_into, next_due_at(life.incident)) == ("duplicate", "I2", None)
        life.does("unmerge", DESK)
        incident = life.incident
        assert (incident.state, incident.merged_into, incident.epoch) == ("offered", None, 2)
        assert {offer.responder for offer in incident.offers if offer.state == "offered"} == {"a", "b"}
        assert next_due_at(incident) == minutes(20)

    def test_not_into_itself(self) -> None:
        assert isinstance(in_state("offered").refuses("merge", DESK, into="I1"), no.MergeRefused)

    def test_not_in_a_circle(self) -> None:
        life = in_state("offered")
        assert life.other is not None
        life.other = replace(life.other, state="duplicate", merged_into="I1")
        refusal = life.refuses("merge", DESK)
        assert isinstance(refusal, no.MergeRefused)
        assert "circle" in refusal.detail

    @pytest.mark.parametrize("state", ["resolved", "closed", "cancelled"])
    def test_not_into_what_is_over(self, state: str) -> None:
        life = in_state("offered")
        assert life.other is not None
        life.other = replace(life.other, state=state)
        assert isinstance(life.refuses("merge", DESK), no.MergeRefused)

    def test_not_into_nothing(self) -> None:
        life = in_state("offered")
        life.other = None
        assert isinstance(life.refuses("merge", DESK), no.UnknownIncident)


class TestUndo:
    def test_a_claim_is_taken_back_and_the_losers_are_asked_again(self) -> None:
        life = in_state("offered")
        life.does("claim", "a")
        happened = life.does("undo", "a", after_min=0.2)
        assert kinds(happened) == [ev.StepUndone, ev.IncidentReoffered]
        incident = life.incident
        assert (incident.state, incident.epoch, incident.owner) == ("offered", 2, "a")
        assert {(offer.responder, offer.state) for offer in incident.offers} == {("a", "offered"), ("b", "offered")}

    def test_a_resolution_is_taken_back(self) -> None:
        life = in_state("working")
        before = life.incident
        life.does("resolve", "a")
        life.does("undo", "a", after_min=0.2)
        assert replace(life.incident, seq=before.seq) == before

    def test_an_alarm_that_rang_stays_rung(self) -> None:
        life = in_state("working")
        life.does("resolve", "a", after_min=1_000)
        life.does("undo", "a", after_min=0.2)
        clock = clock_of(life.incident, "resolution")
        assert clock is not None
        assert clock.breached_at is not None
        assert done(life.incident, FireDue(incident_id="I1"), minutes(5_000))[1] == ()

    def test_not_after_20_seconds(self) -> None:
        life = in_state("claimed")
        life.minute += 20.1 / 60
        assert isinstance(life.refuses("undo", "a"), no.NotUndoable)

    def test_not_anothers_step(self) -> None:
        assert isinstance(in_state("claimed").refuses("undo", DESK), no.NotUndoable)

    def test_not_after_anothers_step(self) -> None:
        life = in_state("claimed")
        life.does("urge", DESK, after_min=0.1)
        assert isinstance(life.refuses("undo", "a"), no.NotUndoable)

    @pytest.mark.parametrize(("state", "verb", "who"), [("resolved", "follow-up", DESK), ("claimed", "return", "a")])
    def test_what_others_act_upon_stays(self, state: str, verb: str, who: str) -> None:
        life = in_state(state)  # type: ignore[arg-type]
        life.does(verb, who)
        assert isinstance(life.refuses("undo", who), no.NotUndoable)


def test_urged_supervised_and_prioritised_are_told_and_counted() -> None:
    life = in_state("working")
    life.does("urge", DESK)
    life.does("urge", DESK)
    life.does("supervise", DESK)
    life.does("prioritize", DESK, priority="P1")
    assert (life.incident.urged, life.incident.supervised, life.incident.priority) == (2, True, "P1")
    assert life.does("supervise", DESK) == ()
    life.does("supervise", DESK, on=False)
    assert not life.incident.supervised


def test_a_progress_note_says_something() -> None:
    assert isinstance(in_state("working").refuses("progress", "a", note=" "), no.NothingToDecide)


def test_two_operators_on_one_incident() -> None:
    life = in_state("offered")
    seen = life.incident.seq
    life.does("prioritize", DESK, seq=seen)
    refusal = life.refuses("correct", DESK, seq=seen)
    assert refusal == no.Overtaken(seq=seen + 1, detail="somebody else has moved it on: look again")


def test_a_returned_incident_names_whose_it_is() -> None:
    life = in_state("claimed")
    life.does("return", "a", suggested_owner="d")
    assert (life.incident.suggested_owner, life.incident.owner) == ("d", DESK)
    given_back = offer_of(life.incident, "a")
    assert given_back is not None
    assert given_back.state == "returned"


def test_the_journal_rebuilds_each_of_these_states() -> None:
    for state in ("planned", "working", "paused", "resolved", "duplicate"):
        life = in_state(state)
        last = life.before
        assert last is not None
        assert apply_row(last.before, last.seq, last.events) == life.incident
