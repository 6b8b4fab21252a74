"""Every rule of the life cycle as one small story."""

import pytest

from dispatcher.core import next_due_at
from dispatcher.core.clocks import due_at
from dispatcher.core.parties import holders, offer_of
from schemas import refusals as no
from schemas.command_bodies import CancelBody, ClaimBody, CloseBody, ResolveBody, ReturnBody
from schemas.commands import (
    CancelIncident,
    ClaimIncident,
    CloseIncident,
    FireDue,
    ReadReporter,
    ResolveIncident,
    ReturnIncident,
)
from schemas.events import ClockBreached, IncidentClaimed, IncidentReoffered, OfferWithdrawn
from tests.unit.core.incident_making import DESK, done, minutes, opened, refused


def claim(who: str | None = "a", **more: object) -> ClaimIncident:
    return ClaimIncident(incident_id="I1", body=ClaimBody(responder=who, **more))  # type: ignore[arg-type]


def give_back(who: str | None = "a", reason: str | None = "not ours") -> ReturnIncident:
    return ReturnIncident(incident_id="I1", body=ReturnBody(responder=who, reason=reason))


def resolve(who: str | None = "a", reason: str | None = None) -> ResolveIncident:
    return ResolveIncident(incident_id="I1", body=ResolveBody(responder=who, reason=reason))


def close(who: str | None = None) -> CloseIncident:
    return CloseIncident(incident_id="I1", body=CloseBody(responder=who))


def cancel(who: str | None = None, reason: str | None = "twice") -> CancelIncident:
    return CancelIncident(incident_id="I1", body=CancelBody(responder=who, reason=reason))


FIRE = FireDue(incident_id="I1")


class TestClaim:
    def test_first_claim_wins_and_the_loser_learns_who_won_and_when(self) -> None:
        incident, happened = done(opened(("a", "b")), claim("a"), minutes(5))
        assert incident.state == "claimed"
        assert [type(event) for event in happened] == [IncidentClaimed, OfferWithdrawn]
        assert refused(incident, claim("b"), minutes(6)) == no.AlreadyClaimed(holder="a", claimed_at=minutes(5))

    def test_claiming_what_one_holds_changes_nothing(self) -> None:
        incident, _ = done(opened(), claim(), minutes(1))
        assert done(incident, claim(epoch=1), minutes(2))[1] == ()

    def test_only_candidates_claim(self) -> None:
        assert isinstance(refused(opened(), claim("stranger")), no.NotCandidate)

    def test_an_offer_of_an_older_epoch_is_recognised(self) -> None:
        incident, _ = done(opened(("a", "b")), claim("a"), minutes(1))
        incident, _ = done(incident, give_back("a"), minutes(2))
        assert (incident.state, incident.epoch) == ("offered", 2)
        assert isinstance(refused(incident, claim("b", epoch=1)), no.OfferWithdrawnRefusal)
        assert done(incident, claim("b", cycle=1, epoch=2), minutes(3))[0].state == "claimed"

    def test_somebody_must_be_named_when_nobody_holds_it(self) -> None:
        assert isinstance(refused(opened(), claim(None)), no.ResponderRequired)

    def test_race_lets_several_work_side_by_side(self) -> None:
        incident, _ = done(opened(("a", "b"), "race"), claim("a"), minutes(1))
        incident, happened = done(incident, claim("b"), minutes(2))
        assert holders(incident) == ("a", "b")
        assert [event.lead for event in happened if isinstance(event, IncidentClaimed)] == [False]
        incident, _ = done(incident, resolve("b"), minutes(30))
        assert offer_of(incident, "a").state == "withdrawn"  # type: ignore[union-attr]
        assert isinstance(refused(incident, resolve("a"), minutes(31)), no.NotAllowedInState)

    def test_all_is_claimed_when_the_lead_has_claimed(self) -> None:
        incident, _ = done(opened(("lead", "other"), "all"), claim("other"), minutes(1))
        assert incident.state == "offered"
        incident, _ = done(incident, claim("lead"), minutes(2))
        assert (incident.state, incident.claimed_at) == ("claimed", minutes(2))

    def test_a_claim_on_the_due_instant_is_on_time_and_one_after_it_rings_first(self) -> None:
        in_time, happened = done(opened(), claim(), minutes(20))
        assert not any(isinstance(event, ClockBreached) for event in happened)
        assert next(clock for clock in in_time.clocks if clock.name == "claim").stopped_at == minutes(20)
        _, happened = done(opened(), claim(), minutes(20.001))
        assert isinstance(happened[0], ClockBreached)

    def test_a_department_is_not_blamed_for_our_outage_nor_can_it_claim_in_the_future(self) -> None:
        early = ClaimIncident(incident_id="I1", body=ClaimBody(responder="a"), effective_at=minutes(19))
        incident, happened = done(opened(), early, minutes(500))
        assert incident.claimed_at == minutes(19)
        assert len(happened) == 1
        ahead = ClaimIncident(incident_id="I1", body=ClaimBody(responder="a"), effective_at=minutes(900))
        assert done(opened(), ahead, minutes(5))[0].claimed_at == minutes(5)


class TestReturn:
    def test_a_reason_is_required(self) -> None:
        incident, _ = done(opened(), claim(), minutes(1))
        assert isinstance(refused(incident, give_back(reason=" ")), no.ReasonRequired)

    def test_back_to_the_desk_with_the_claim_clock_still_running(self) -> None:
        incident, _ = done(opened(), claim(), minutes(5))
        assert next_due_at(incident) == due_at(incident, "resolution")
        incident, happened = done(incident, give_back(None), minutes(10))
        assert happened[-1] == IncidentReoffered(responders=(DESK,), epoch=2, at=minutes(10))
        assert (incident.state, incident.owner) == ("offered", DESK)
        assert next_due_at(incident) == minutes(20)

    def test_those_who_lost_are_asked_before_the_desk(self) -> None:
        incident, _ = done(opened(("a", "b")), claim("a"), minutes(5))
        incident, _ = done(incident, give_back("a"), minutes(6))
        assert offer_of(incident, "b").state == "offered"  # type: ignore[union-attr]
        assert offer_of(incident, DESK) is None

    def test_declining_an_open_offer_leaves_it_to_the_others(self) -> None:
        incident, happened = done(opened(("a", "b")), give_back("a"), minutes(1))
        assert len(happened) == 1
        assert (incident.state, incident.epoch) == ("offered", 1)

    def test_in_a_race_the_others_go_on(self) -> None:
        incident, _ = done(opened(("a", "b"), "race"), claim("a"), minutes(1))
        incident, _ = done(incident, claim("b"), minutes(2))
        incident, _ = done(incident, give_back("a"), minutes(3))
        assert (incident.state, holders(incident)) == ("claimed", ("b",))

    def test_when_the_lead_of_all_leaves_the_desk_leads(self) -> None:
        incident, _ = done(opened(("lead", "other"), "all"), claim("lead"), minutes(1))
        incident, _ = done(incident, give_back("lead"), minutes(3))
        assert (incident.state, incident.owner) == ("offered", DESK)


class TestResolveCloseCancel:
    def test_nothing_is_resolved_that_was_never_claimed_unless_the_desk_gives_a_reason(self) -> None:
        assert isinstance(refused(opened(), resolve("a")), no.NotAllowedInState)
        assert isinstance(refused(opened(), resolve("stranger")), no.NotYours)
        assert isinstance(refused(opened(), resolve(DESK)), no.ReasonRequired)
        incident, _ = done(opened(), resolve(DESK, "caller says it is lit again"), minutes(3))
        assert incident.state == "resolved"

    def test_a_desk_that_resolves_what_it_was_offered_is_not_asked_any_more(self) -> None:
        """Found by the simulation: its own offer stayed open on what was done."""
        incident, _ = done(opened((DESK, "a"), "all"), resolve(DESK, "caller says it is lit again"), minutes(3))
        assert {offer.state for offer in incident.offers} == {"withdrawn"}

    def test_the_only_holder_need_not_be_named(self) -> None:
        incident, _ = done(opened(), claim(), minutes(1))
        incident, _ = done(incident, resolve(None), minutes(60))
        assert incident.resolved_at == minutes(60)
        assert next_due_at(incident) is None

    def test_close_is_for_what_is_resolved(self) -> None:
        incident, _ = done(opened(), claim(), minutes(1))
        assert isinstance(refused(incident, close()), no.NotAllowedInState)
        incident, _ = done(incident, resolve(), minutes(2))
        assert isinstance(refused(incident, close("stranger")), no.NotYours)
        assert done(incident, close(), minutes(3))[0].state == "closed"

    def test_cancel_is_the_desks_with_a_reason_and_ends_offers_and_clocks(self) -> None:
        assert isinstance(refused(opened(), cancel(reason=None)), no.ReasonRequired)
        assert isinstance(refused(opened(), cancel("a")), no.NotYours)
        incident, happened = done(opened(("a", "b")), cancel(), minutes(1))
        assert incident.state == "cancelled"
        assert happened[-1] == OfferWithdrawn(responders=("a", "b"), at=minutes(1), because="cancelled")
        assert next_due_at(incident) is None

    def test_name_and_phone_are_for_desk_and_holder(self) -> None:
        def read(who: str | None) -> ReadReporter:
            return ReadReporter(incident_id="I1", report_id="R1", responder=who)

        assert isinstance(refused(opened(), read("a")), no.NotYours)
        assert isinstance(refused(opened(), read(None)), no.ResponderRequired)
        incident, _ = done(opened(), claim(), minutes(1))
        assert len(done(incident, read("a"), minutes(2))[1]) == 1
        assert len(done(incident, read(DESK), minutes(2))[1]) == 1

    def test_commands_about_nothing(self) -> None:
        assert isinstance(refused(None, claim()), no.UnknownIncident)


class TestAlarms:
    @pytest.mark.parametrize(("at", "rings"), [(19.99, 0), (20, 0), (20.0001, 1), (500, 2)])
    def test_strictly_later_than_due(self, at: float, rings: int) -> None:
        assert len(done(opened(), FIRE, minutes(at))[1]) == rings

    def test_each_clock_rings_once(self) -> None:
        incident, happened = done(opened(), FIRE, minutes(21))
        assert happened == (ClockBreached(clock="claim", due_at=minutes(20), fired_at=minutes(21)),)
        assert done(incident, FIRE, minutes(22))[1] == ()
        incident, happened = done(incident, claim(), minutes(30))
        assert not any(isinstance(event, ClockBreached) for event in happened)
        incident, _ = done(incident, give_back(), minutes(40))
        assert done(incident, FIRE, minutes(41))[1] == ()

    def test_no_clock_no_alarm(self) -> None:
        incident = opened(claim_min=None, fix_min=None)
        assert next_due_at(incident) is None
        assert done(incident, FIRE, minutes(10_000))[1] == ()
