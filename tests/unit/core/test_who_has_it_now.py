"""Stories that the simulation and the stateful test found: who has it, and who may be asked again, stays one answer."""

from msgspec.structs import replace

from dispatcher.core import Context, apply_row, decide, next_due_at
from dispatcher.core.clocks import clock_of
from dispatcher.core.parties import holders, offer_of
from schemas import events as ev
from schemas import refusals as no
from schemas.incidents import Incident
from tests.unit.core.incident_making import DESK, minutes, plan_for
from tests.unit.core.life_making import Life, command, in_state


def asked(incident: Incident) -> set[str]:
    return {offer.responder for offer in incident.offers if offer.state == "offered"}


def correct(life: Life, offers: tuple[str, ...], mode: str) -> tuple[ev.AnyEvent, ...]:
    """Routed again to these."""
    life.minute += 1
    plan = plan_for(offers, mode, claim_min=life.minute + 20)
    plan = replace(plan, facts=replace(plan.facts, category="sanitation/garbage"))
    happened = decide(life.incident, command("correct", DESK), Context(now=minutes(life.minute), plan=plan))
    assert not isinstance(happened, no.Refusal)
    life.incident = apply_row(life.incident, life.incident.seq + 1, happened)
    return happened


class TestWhomTheDeskTookItFrom:
    def test_is_not_asked_again_when_the_new_one_gives_it_back(self) -> None:
        life = in_state("offered")
        life.does("refer", DESK, to="c")
        life.does("return", "c")
        assert asked(life.incident) == {DESK}

    def test_is_not_asked_again_after_a_merge_was_taken_back(self) -> None:
        life = in_state("claimed")
        life.does("refer", DESK, to="c")
        life.does("claim", "c")
        life.does("merge", DESK)
        life.does("unmerge", DESK)
        assert asked(life.incident) == {"c"}

    def test_is_not_asked_again_for_the_category_that_was_wrong(self) -> None:
        life = in_state("claimed")
        correct(life, ("a", "d"), "first-claim")
        assert holders(life.incident) == ("a",)
        life.does("return", "a")
        assert asked(life.incident) == {DESK}

    def test_who_lost_is_still_asked(self) -> None:
        life = in_state("claimed")
        life.does("return", "a")
        assert asked(life.incident) == {"b"}


class TestWhoseClaimDidNotCountYet:
    """In mode `all` a co-department may claim before the lead does."""

    def beside_the_lead(self) -> Life:
        life = Life(("a", "b"), "all")
        life.does("claim", "b")
        assert life.incident.state == "offered"
        return life

    def test_leads_once_the_desk_says_so(self) -> None:
        life = self.beside_the_lead()
        life.does("joint", DESK, lead="b", departments=("c",))
        assert_claimed_by(life.incident, "b")
        life.does("start", "b")

    def test_and_the_claim_clock_that_was_late_has_rung(self) -> None:
        life = self.beside_the_lead()
        happened = life.does("joint", DESK, lead="b", departments=("c",), after_min=30)
        assert [type(event) for event in happened][:2] == [ev.ClockBreached, ev.JointHandlingSet]

    def test_has_it_when_a_correction_leaves_it_alone_with_it(self) -> None:
        for mode in ("first-claim", "race"):
            life = self.beside_the_lead()
            correct(life, ("b",), mode)
            assert_claimed_by(life.incident, "b")
            life.does("resolve", "b")
            assert next_due_at(life.incident) is None


def assert_claimed_by(incident: Incident, who: str) -> None:
    claim = clock_of(incident, "claim")
    assert claim is not None
    assert (incident.state, claim.stopped_at is not None, who in holders(incident)) == ("claimed", True, True)


def test_a_correction_to_first_claim_leaves_one_holder() -> None:
    life = Life(("a", "b"), "race")
    life.does("claim", "b")
    life.does("claim", "a")
    correct(life, ("a", "b"), "first-claim")
    assert holders(life.incident) == ("b",), "who claimed first"
    loser = offer_of(life.incident, "a")
    assert loser is not None
    assert loser.state == "withdrawn"


class TestUnitNames:
    """Two departments may have a car-1."""

    def home(self) -> Life:
        life = in_state("claimed")
        life.does("dispatch", "a")
        life.does("return", "a")
        life.does("claim", "b")
        return life

    def sent_by(self, life: Life, who: str) -> list[tuple[str, str, str]]:
        life.does("dispatch", who)
        return [(it.unit, it.responder, it.state) for it in life.incident.units]

    def test_a_unit_that_is_home_is_its_who_sends_it_next(self) -> None:
        assert self.sent_by(self.home(), "b") == [("car-1", "b", "dispatched")]

    def test_the_desk_sends_for_whoever_has_it(self) -> None:
        assert self.sent_by(self.home(), DESK) == [("car-1", "b", "dispatched")]

    def test_on_the_way_it_is_still_its_who_sent_it(self) -> None:
        life = Life(("a", "b"), "race")
        life.does("claim", "a")
        life.does("claim", "b")
        life.does("dispatch", "a")
        assert isinstance(life.refuses("clear", "b"), no.NotYours)
