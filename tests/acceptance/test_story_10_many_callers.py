"""The same fault phoned in many times: another voice of one incident, the same answer to each, all counted."""

from __future__ import annotations

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town, instant

SPOT = {"lat": 46.6900, "lon": 126.1000}
NEAR = {"lat": 46.6902, "lon": 126.1001}  # 23 m away
BEYOND = {"lat": 46.6904, "lon": 126.1002}  # 47 m away
ANSWERED = ("incident_id", "category", "owner", "mode", "offers", "copies", "claim_due_at", "resolution_due_at")


def test_story_10_a_second_caller_joins_and_gets_the_same_answer(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    first = town.report("门前路灯坏了", location=SPOT, reporter={"name": "Invented A", "phone": "000-1"})
    clock.set("2025-01-12T12:32")
    second = town.report("这边的路灯不亮", location=NEAR, reporter={"name": "Invented B", "phone": "000-2"})

    assert (first["joined"], second["joined"]) == (False, True)
    assert {name: second[name] for name in ANSWERED} == {name: first[name] for name in ANSWERED}
    assert instant(second["claim_due_at"]) == instant("2025-01-12T12:42:00+08:00"), "a second call gives no more time"
    assert second["report_id"] != first["report_id"]

    shown = town.incident(first["incident_id"])
    assert shown["voices_count"] == 2
    assert [voice["text"] for voice in shown["voices"]] == ["门前路灯坏了", "这边的路灯不亮"]
    assert [item["incident_id"] for item in town.queue("urban-lighting")] == [first["incident_id"]]
    assert town.metric('dispatch_reports_total{outcome="opened"}') == 1
    assert town.metric('dispatch_reports_total{outcome="joined"}') == 1
    assert town.metric('dispatch_offers_total{responder="urban-lighting"}') == 1, "offered once"


def test_story_10_each_answer_stays_the_same_whatever_happens_later(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    body = {"source": "110", "source_id": "20250112-0001", "text": "门前路灯坏了", "location": SPOT}
    first = town.http.post("/api/v1/reports", json=body)
    second = town.report("这边的路灯不亮", location=NEAR)
    town.done(second["incident_id"], "claim", responder="urban-lighting")
    again = town.http.post("/api/v1/reports", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert town.incident(second["incident_id"])["voices_count"] == 2, "a repeated report is no third voice"


def test_story_10_beyond_30_metres_or_another_kind_is_another_incident(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    lamp = town.report("门前路灯坏了", location=SPOT)
    farther = town.report("门前路灯坏了", location=BEYOND)
    hole = town.report("道路上有个黑窟窿", location=SPOT)
    assert len({lamp["incident_id"], farther["incident_id"], hole["incident_id"]}) == 3


def test_story_10_after_six_hours_it_is_another_incident(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    first = town.report("门前路灯坏了", location=SPOT)
    clock.set("2025-01-12T18:22:01")
    assert town.report("门前路灯坏了", location=SPOT)["incident_id"] != first["incident_id"]


def test_story_10_whoever_sees_one_voice_sees_no_callers_phone(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    taken = town.report("门前路灯坏了", location=SPOT, reporter={"name": "Invented A", "phone": "000-1234"})
    town.report("门前路灯坏了", location=NEAR, reporter={"name": "Invented B", "phone": "000-5678"})
    pages = ("", "/timeline", "/explanation")
    told = "".join(town.http.get(f"/api/v1/incidents/{taken['incident_id']}{page}").text for page in pages)
    assert not [secret for secret in ("000-1234", "000-5678", "Invented") if secret in told]
