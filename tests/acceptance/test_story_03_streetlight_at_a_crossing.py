"""Streetlight 2, a fault kind: the place is a crossing and a side of the road, no address; nothing waits for it."""

from __future__ import annotations

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town, clock_of, instant

TEXT = "哈黑路与北环路交叉口路东路灯接触不好"


def test_story_03_streetlight_at_a_crossing_claimed_in_5_minutes(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T16:41")
    taken = town.report(TEXT, reported_at="2025-01-12T16:41:00+08:00", area=None)
    assert (taken["category"], taken["owner"], taken["state"]) == ("lighting/streetlight", "urban-lighting", "offered")
    assert "unlocated" in " ".join(taken["warnings"])
    assert taken["reasons"] == [], "unlocated is no reason to fall to the desk"
    # the sun has set at 16:10: the plain limit, never a deadline before its own start
    assert instant(taken["resolution_due_at"]) == instant("2025-01-12T20:41:00+08:00")

    clock.set("2025-01-12T16:46")
    town.done(taken["incident_id"], "claim", responder="urban-lighting")
    shown = town.incident(taken["incident_id"])
    assert (instant(shown["claimed_at"]) - instant(shown["opened_at"])).total_seconds() == 5 * 60
    assert clock_of(shown, "claim")["late"] is False
    assert shown["voices"][0]["location"] is None
    assert town.metric('dispatch_claim_seconds_bucket{le="300.0",responder="urban-lighting"}') == 1


def test_before_night_has_passed_so_a_clock_time_is_asked_for(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T16:41")
    incident_id = town.report(TEXT, area=None)["incident_id"]
    clock.set("2025-01-12T16:46")
    sunset = "2025-01-12T16:10:00+08:00"
    refused = town.command(incident_id, "claim", responder="urban-lighting", promised_at=sunset)
    assert (refused.status_code, refused.json()["title"]) == (422, "NotInFuture")
    assert town.incident(incident_id)["state"] == "offered", "refused whole: no claim without the promise"
    claimed = town.done(
        incident_id, "claim", responder="urban-lighting", crew_sent=True, promised_at="2025-01-12T20:00:00+08:00"
    )
    assert instant(claimed["promised_at"]) == instant("2025-01-12T20:00:00+08:00")


def test_it_goes_to_the_team_that_got_the_first_streetlight(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T16:41")
    first = town.report("泰和街21号盛世嘉园八号楼南厢房…门前路灯坏了")
    second = town.report(TEXT)
    assert second["owner"] == first["owner"]
    assert second["incident_id"] != first["incident_id"], "two lamps are two incidents"
