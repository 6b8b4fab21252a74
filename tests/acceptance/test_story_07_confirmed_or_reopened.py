"""The handler answers, the call-taker rings back: solved? satisfied? Confirmed, reopened, or closed by time."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town
from tests.unit.attachments.picture_making import photo


def resolved(town: Town, clock: StoryClock) -> str:
    clock.set("2025-01-12T12:22")
    incident_id: str = town.report("门前路灯坏了")["incident_id"]
    town.done(incident_id, "claim", responder="urban-lighting", crew_sent=True)
    clock.set("2025-01-12T15:30")
    town.done(incident_id, "resolve", responder="urban-lighting", outcome="换了灯泡,亮了")
    return incident_id


def test_story_07_the_lamp_is_on_again(town: Town, clock: StoryClock) -> None:
    incident_id = resolved(town, clock)
    clock.set("2025-01-12T18:00")
    answer = town.done(incident_id, "follow-up", solved=True, satisfied=True, note="路灯又亮了")
    assert answer["state"] == "closed"
    (asked,) = town.events(incident_id, "FollowedUp")
    assert (asked["solved"], asked["satisfied"]) == (True, True)
    shown = town.incident(incident_id)
    assert (shown["solved"], shown["satisfied"], shown["unconfirmed"]) == (True, True, False)


def test_story_07_the_done_note_comes_with_a_photo(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    incident_id = town.report("门前路灯坏了")["incident_id"]
    town.done(incident_id, "claim", responder="urban-lighting")
    sent = town.http.post("/api/v1/attachments", content=photo(), headers={"content-type": "image/jpeg"})
    assert sent.status_code == 201, sent.text
    attachment_id = sent.json()["attachment_id"]
    town.done(incident_id, "resolve", responder="urban-lighting", outcome="换了灯泡,亮了", attachments=[attachment_id])
    entries = town.http.get(f"/api/v1/incidents/{incident_id}/timeline").json()["entries"]
    (told,) = (entry for entry in entries if entry["attachments"])
    assert [each["attachment_id"] for each in told["attachments"]] == [attachment_id]
    assert {"outcome": "换了灯泡,亮了"} in [entry["said"] for entry in entries]
    shown = town.http.get(f"/api/v1/attachments/{attachment_id}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")


def test_story_07_still_flickering_it_is_opened_again_for_the_same_team(town: Town, clock: StoryClock) -> None:
    incident_id = resolved(town, clock)
    clock.set("2025-01-12T18:00")
    answer = town.done(incident_id, "follow-up", solved=False, satisfied=False, note="还是闪")
    assert (answer["state"], answer["cycle"]) == ("offered", 2)
    assert [it["incident_id"] for it in town.queue("urban-lighting")] == [incident_id]
    late = town.command(incident_id, "claim", responder="urban-lighting", cycle=1, epoch=1)
    assert (late.status_code, late.json()["title"]) == (409, "OfferWithdrawn")
    town.done(incident_id, "claim", responder="urban-lighting", cycle=2, epoch=1)
    clock.set("2025-01-12T19:00")
    town.done(incident_id, "resolve", responder="urban-lighting", outcome="换了镇流器")
    town.done(incident_id, "follow-up", solved=True, satisfied=True, note="路灯不闪了")
    assert town.incident(incident_id)["state"] == "closed"


def test_story_07_nobody_answers_the_phone_and_it_is_closed_by_time_counted_apart(
    town: Town, clock: StoryClock
) -> None:
    incident_id = resolved(town, clock)
    clock.set("2025-01-13T09:00")
    assert town.done(incident_id, "follow-up", note="没人接")["state"] == "resolved"
    clock.set("2025-01-19T15:30")
    time.sleep(0.5)  # more than two turns of the alarms
    assert town.incident(incident_id)["state"] == "resolved", "seven days to the second are not over"
    clock.set("2025-01-19T15:30:01")
    _wait_for(lambda: town.incident(incident_id)["state"] == "closed")
    assert town.incident(incident_id)["unconfirmed"] is True
    assert town.metric('dispatch_closed_total{how="unconfirmed"}') == 1
    assert town.metric('dispatch_closed_total{how="confirmed"}') == 0
    town.done(incident_id, "reopen", reason="居民又来电话")
    assert town.incident(incident_id)["cycle"] == 2


def _wait_for(seen: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < give_up_at, "it did not come about"
        time.sleep(0.02)
