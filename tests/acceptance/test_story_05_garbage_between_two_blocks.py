"""Garbage between two blocks: entered by the town; whether there is a property management decides whose it is."""

from __future__ import annotations

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Json, Town, instant

TEXT = "两栋楼之间堆了很多垃圾,这得找谁啊"


def entered(town: Town, **fields: object) -> Json:
    """By the town office, which is a department, not the desk."""
    return town.report(TEXT, source="sim-town", channel="counter", **fields)


def test_story_05_no_property_management_sends_it_to_the_county_sanitation(town: Town, clock: StoryClock) -> None:
    clock.set("2024-12-30T14:00")
    taken = entered(town, attributes={"property-management": False})
    assert (taken["category"], taken["owner"], taken["offers"]) == ("sanitation/garbage", "sanitation", ["sanitation"])
    incident_id = taken["incident_id"]

    clock.set("2024-12-30T14:13")
    town.done(incident_id, "claim", responder="sanitation", note="明天带钩机来")
    town.done(incident_id, "plan", responder="sanitation", promised_at="2024-12-31T17:00:00+08:00")
    planned = town.incident(incident_id)
    assert planned["state"] == "planned"
    assert instant(planned["promised_at"]) == instant("2024-12-31T17:00:00+08:00")
    assert (instant(planned["claimed_at"]) - instant(planned["opened_at"])).total_seconds() == 13 * 60
    assert planned["clocks"][0]["late"] is False

    clock.set("2024-12-31T09:00")
    town.done(incident_id, "start", responder="sanitation")
    town.done(incident_id, "on-scene", responder="sanitation", unit="钩机-1")
    town.done(incident_id, "progress", responder="sanitation", note="钩机清大堆,环卫工人扫尾")
    clock.set("2024-12-31T11:30")
    town.done(incident_id, "clear", responder="sanitation", unit="钩机-1")
    assert town.done(incident_id, "resolve", responder="sanitation", outcome="清完了")["state"] == "resolved"
    (resolved,) = town.events(incident_id, "IncidentResolved")
    assert instant(resolved["at"]) < instant(planned["promised_at"]), "the promise was kept"


def test_story_05_with_one_it_is_the_property_companys(town: Town, clock: StoryClock) -> None:
    clock.set("2024-12-30T14:00")
    assert entered(town, attributes={"property-management": True})["offers"] == ["property-management"]


def test_story_05_the_answer_may_come_later(town: Town, clock: StoryClock) -> None:
    clock.set("2024-12-30T14:00")
    taken = entered(town)
    assert taken["offers"] == ["sanitation", "property-management"], "nobody has asked yet"
    incident_id = taken["incident_id"]
    town.done(incident_id, "claim", responder="property-management")
    clock.set("2024-12-30T14:05")
    town.done(incident_id, "correct", attributes={"property-management": False}, reason="居民说没有物业")
    now = town.incident(incident_id)
    assert (now["state"], now["owner"], now["holder"]) == ("offered", "sanitation", None)
    assert [it["incident_id"] for it in town.queue("sanitation")] == [incident_id]
    assert town.queue("property-management") == []
    late = town.command(incident_id, "resolve", responder="property-management")
    assert late.status_code == 409
