"""Streetlight 1: reported on a Sunday at noon, one answer at 12:42 carries three facts; 20 minutes are on time."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town, clock_of, instant

TEXT = "泰和街21号盛世嘉园八号楼南厢房…门前路灯坏了"


def test_story_02_streetlight_claimed_in_20_minutes(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    taken = town.report(TEXT, reported_at="2025-01-12T12:22:00+08:00")
    assert (taken["category"], taken["owner"], taken["rule"]) == (
        "lighting/streetlight",
        "urban-lighting",
        "streetlight",
    )
    assert instant(taken["claim_due_at"]) == instant("2025-01-12T12:42:00+08:00"), "the Sunday counts"
    assert instant(taken["resolution_due_at"]).replace(second=0) == instant("2025-01-12T16:10:00+08:00"), "sunset"

    clock.set("2025-01-12T12:42")
    before_night = taken["resolution_due_at"]
    answer = town.done(
        taken["incident_id"], "claim", responder="urban-lighting", crew_sent=True, promised_at=before_night
    )
    assert (answer["state"], answer["holder"]) == ("claimed", "urban-lighting")
    assert instant(answer["claimed_at"]) == instant("2025-01-12T12:42:00+08:00")

    shown = town.incident(taken["incident_id"])
    assert shown["crew_sent"] is True
    assert instant(shown["promised_at"]) == instant(before_night)
    claim_time = instant(shown["claimed_at"]) - instant(shown["opened_at"])
    assert claim_time.total_seconds() == 20 * 60
    assert clock_of(shown, "claim")["late"] is False, "done exactly at the due instant is on time"
    assert town.metric('dispatch_claim_seconds_bucket{le="1200.0",responder="urban-lighting"}') == 1
    assert town.metric('dispatch_claim_seconds_bucket{le="900.0",responder="urban-lighting"}') == 0

    clock.set("2025-01-12T13:00")
    time.sleep(0.5)  # more than two turns of the alarms
    assert town.events(taken["incident_id"], "ClockBreached") == []


def test_a_second_later_it_is_late_and_the_alarm_has_rung_once(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    incident_id = town.report(TEXT)["incident_id"]
    clock.set("2025-01-12T12:42:01")
    _wait_for(lambda: town.events(incident_id, "ClockBreached"))
    town.done(incident_id, "claim", responder="urban-lighting")
    assert clock_of(town.incident(incident_id), "claim")["late"] is True
    time.sleep(0.5)
    (rang,) = town.events(incident_id, "ClockBreached")
    assert (rang["clock"], instant(rang["due_at"])) == ("claim", instant("2025-01-12T12:42:00+08:00"))
    assert town.metric('dispatch_breaches_total{clock="claim",responder="urban-lighting"}') == 1


def _wait_for(seen: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < give_up_at, "the alarm never rang"
        time.sleep(0.02)
