"""What the API tells of an incident beside its state, and that every screen counts the same seconds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.web.conftest import Door, SetClock

pytestmark = pytest.mark.anyio


async def shown(door: Door, incident: str) -> dict[str, Any]:
    answer = await door.get(f"/api/v1/incidents/{incident}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def done(door: Door, incident: str, verb: str, **says: object) -> dict[str, Any]:
    answer = await door.command(incident, verb, None, **says)
    assert answer.status_code == 200, answer.text
    return await shown(door, incident)


async def lamp(door: Door, **fields: object) -> str:
    return str((await door.report(**fields))["incident_id"])


def clock_of(detail: dict[str, Any], name: str) -> dict[str, Any]:
    return next(clock for clock in detail["clocks"] if clock["name"] == name)


async def test_a_clock_that_stands_keeps_what_was_left(door: Door, clock: SetClock) -> None:
    incident = await lamp(door)
    await done(door, incident, "claim", responder="urban-lighting")
    clock.pass_by(hours=1)
    paused = await done(door, incident, "pause", waiting_for="reporter")
    clock.pass_by(days=3, seconds=7)
    later, listed = await shown(door, incident), (await door.get("/api/v1/incidents")).json()["items"][0]
    assert clock_of(later, "resolution") == clock_of(paused, "resolution") == clock_of(listed, "resolution")
    assert clock_of(later, "resolution")["paused_at"] == "2025-01-12T05:25:00Z"
    assert later["waiting"] == {"waiting_for": "reporter", "at": "2025-01-12T05:25:00Z", "until": None}
    gone_on = await done(door, incident, "resume")
    assert clock_of(gone_on, "resolution")["remaining_s"] == clock_of(paused, "resolution")["remaining_s"]
    assert gone_on["waiting"] is None
    assert gone_on["pauses"] == [later["waiting"] | {"until": "2025-01-15T05:25:07Z"}]


async def test_how_it_stands(door: Door) -> None:
    incident = await lamp(door)
    plain = await shown(door, incident)
    assert (plain["urged_count"], plain["supervised"], plain["units"], plain["closes_at"]) == (0, False, [], None)
    await done(door, incident, "urge")
    await done(door, incident, "supervise")
    await done(door, incident, "claim", responder="urban-lighting")
    await done(door, incident, "extend", until="2025-01-20T12:00:00+08:00", reason="x", responder="urban-lighting")
    detail = await done(door, incident, "on-scene", unit="吊车1", responder="urban-lighting")
    assert (detail["urged_count"], detail["supervised"]) == (1, True)
    assert detail["extension_asked_for"] == "2025-01-20T04:00:00Z"
    at = "2025-01-12T04:25:00Z"
    assert detail["units"] == [{"unit": "吊车1", "responder": "urban-lighting", "state": "on_scene", "at": at}]
    resolved = await done(door, incident, "resolve", responder="urban-lighting")
    assert resolved["closes_at"] == clock_of(resolved, "confirm")["due_at"] > at
    closed = await done(door, incident, "follow-up", solved=True, satisfied=False)
    assert (closed["solved"], closed["satisfied"], closed["closes_at"]) == (True, False, None)


async def test_who_may_do_what_is_told_and_undo_only_for_twenty_seconds(door: Door, clock: SetClock) -> None:
    incident = await lamp(door)
    offered = await shown(door, incident)
    assert offered["moves"]["urban-lighting"] == ["claim", "return", "refer"]
    assert (offered["undo_until"], "roads" in offered["moves"]) == (None, False)
    claimed = await done(door, incident, "claim", responder="urban-lighting")
    assert "undo" in claimed["moves"]["urban-lighting"]
    assert "undo" not in claimed["moves"]["desk-110"]
    assert claimed["undo_until"] == "2025-01-12T04:25:20Z"
    clock.pass_by(seconds=20)
    assert (await shown(door, incident))["undo_until"] == claimed["undo_until"]
    clock.pass_by(seconds=1)
    late = await shown(door, incident)
    assert (late["undo_until"], "undo" in late["moves"]["urban-lighting"]) == (None, False)


async def test_voices_of_merged_incidents_however_deep(door: Door) -> None:
    first, second, third = [await lamp(door, text=f"垃圾{number}") for number in range(3)]
    await done(door, first, "merge", into=second)
    await done(door, second, "merge", into=third)
    kept = await shown(door, third)
    assert kept["voices_count"] == len(kept["voices"]) == 3
    assert {voice["incident_id"] for voice in kept["voices"]} == {first, second, third}
    assert kept["duplicates"] == [{"incident_id": second, "voices_count": 2}]
    gone = await shown(door, second)
    assert (gone["merged_into"], gone["moves"]) == (third, {"desk-110": ["unmerge"]})
    await done(door, second, "unmerge")
    await done(door, first, "unmerge")
    await done(door, first, "merge", into=second)
    await done(door, second, "merge", into=third)
    assert len((await shown(door, third))["voices"]) == 3
