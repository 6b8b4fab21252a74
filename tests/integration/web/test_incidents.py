from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from dispatcher.views import moment
from tests.integration.web.conftest import Door, SetClock

pytestmark = pytest.mark.anyio
LIST = "/api/v1/incidents"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Every question is asked of both stores."""
    return str(request.getfixturevalue(f"{request.param}_url"))


async def listed(door: Door, **asked: str | int) -> list[str]:
    """Ids over all pages."""
    found: list[str] = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        answer = await door.get(LIST, **asked, **cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["incident_id"] for item in page["items"]]
    return found


async def opened(door: Door, text: str, **fields: object) -> str:
    """A second after the one before, so that ids rise."""
    clock = cast("SetClock", door.engine.now)
    clock.pass_by(seconds=1)
    return str((await door.report(text=text, **fields))["incident_id"])


async def test_urgent_first_then_what_is_due_next_then_the_newest_of_what_is_done(door: Door, clock: SetClock) -> None:
    done_first = await opened(door, "捡到身份证")
    done_last = await opened(door, "捡到手套")
    for incident in (done_first, done_last):
        assert (await door.command(incident, "cancel", reason="试")).status_code == 200
    late = await opened(door, "钱包落在出租车上了")
    clock.pass_by(hours=30)
    later = await opened(door, "手机落在出租车上了", reported_at="2025-01-13T18:00:00+08:00")
    hole = await opened(door, "路上有个大坑")
    fire = await opened(door, "楼里着火了,有浓烟")
    assert await listed(door) == [fire, hole, late, later, done_last, done_first]
    assert await listed(door, state="open") == [fire, hole, late, later]
    assert await listed(door, state="cancelled") == [done_last, done_first]


async def test_pages_neither_repeat_nor_hide(door: Door) -> None:
    kinds = ["下水道堵了", "楼里着火了", "捡到手套", "手机没信号", "停电"]
    apart = [{"lat": 46.66 + number / 100, "lon": 126.1} for number in range(4)]
    made = [await opened(door, kind, location=point) for point in apart for kind in kinds]
    assert len(set(made)) == 20
    for incident in made[::3]:
        await door.command(incident, "cancel", reason="试")
    whole = await listed(door, limit=200)
    assert sorted(whole) == sorted(made)
    for limit in (1, 3, 7):
        assert await listed(door, limit=limit) == whole


async def test_what_comes_in_between_pages_shifts_nothing(door: Door) -> None:
    made = [await opened(door, f"捡到手套{number}只") for number in range(4)]
    first = (await door.get(LIST, limit=2)).json()
    await opened(door, "楼里着火了")
    second = (await door.get(LIST, limit=2, cursor=first["next_cursor"])).json()
    assert [item["incident_id"] for item in first["items"] + second["items"]] == made
    assert second["next_cursor"] is None


async def test_filters(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    taxi = await opened(door, "钱包落在出租车上了,100%是黑色的_包", area="231223")
    nowhere = await opened(door, "灯杆倒了", area=None, location=None)
    assert await listed(door, responder="urban-lighting") == [lamp, nowhere]
    assert await listed(door, responder="taxi-shengda") == [taxi]
    assert await listed(door, responder="transport-bureau") == []
    assert await listed(door, responder="transport-bureau", role="copy") == [taxi]
    assert await listed(door, category="lighting") == [lamp, nowhere]
    assert await listed(door, category="lighting/streetlight") == [lamp, nowhere]
    assert await listed(door, category="light") == []
    assert await listed(door, area="231223100") == [lamp]
    assert sorted(await listed(door, area="2312")) == sorted([lamp, taxi])
    assert await listed(door, q="出租车") == [taxi]
    assert await listed(door, q="包 出租车") == [taxi]
    assert await listed(door, q="出租车 路灯") == []
    assert await listed(door, q="100%") == [taxi]
    assert await listed(door, q="色的_包") == [taxi]
    assert await listed(door, q="%") == [taxi]
    assert await listed(door, q="  ") == await listed(door)
    assert await listed(door, responder="urban-lighting", q="灯杆", state="offered,claimed") == [nowhere]


async def test_a_loser_and_a_returner_have_it_no_longer_in_their_queue(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    await door.command(lamp, "return", responder="urban-lighting", reason="不归我们")
    assert await listed(door, responder="urban-lighting") == []
    assert await listed(door, responder="urban-lighting", role="returned") == [lamp]
    assert await listed(door, responder="desk-110") == [lamp]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ({"state": "lost"}, "BadParameter"),
        ({"state": "open,lost"}, "BadParameter"),
        ({"role": "boss"}, "BadParameter"),
        ({"limit": "0"}, "BadParameter"),
        ({"limit": "-1"}, "BadParameter"),
        ({"limit": "many"}, "BadParameter"),
        ({"limit": "²"}, "BadParameter"),
        ({"q": "a\0b"}, "BadParameter"),
        ({"q": "x" * 201}, "BadParameter"),
        ({"cursor": "nonsense"}, "BadCursor"),
        ({"cursor": "W10"}, "BadCursor"),
        ({"cursor": "é"}, "BadCursor"),
        ({"cursor": "WyJvIiwiUDEiLDk5OTk5OTk5OTk5OTk5OTk5OTk5OTksIngiXQ"}, "BadCursor"),
    ],
)
async def test_questions_that_cannot_be_typed(door: Door, asked: dict[str, str], title: str) -> None:
    answer = await door.get(LIST, **asked)
    assert (answer.status_code, answer.json()["title"]) == (422, title)


async def test_a_parameter_given_twice_is_refused(door: Door) -> None:
    answer = await door.client.get(f"{LIST}?state=offered&state=closed")
    assert (answer.status_code, answer.json()["parameter"]) == (422, "state")


async def test_late_means_strictly_later(door: Door, clock: SetClock) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    clock.pass_by(minutes=20)
    claim = (await door.get(f"{LIST}/{lamp}")).json()["clock"]
    assert (claim["name"], claim["remaining_s"], claim["late"]) == ("claim", 0, False)
    clock.pass_by(microseconds=1)
    claim = (await door.get(f"{LIST}/{lamp}")).json()["clock"]
    assert (claim["remaining_s"], claim["late"]) == (-1, True)
    await door.command(lamp, "claim", responder="urban-lighting")
    shown = (await door.get(f"{LIST}/{lamp}")).json()
    assert shown["clock"]["name"] == "resolution"
    assert [(clock["name"], clock["late"], clock["remaining_s"] is None) for clock in shown["clocks"]] == [
        ("claim", True, True),
        ("resolution", False, False),
    ]


async def test_an_incident_has_all_its_voices(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    other = await door.report(text="泰和街21号路灯不亮", reported_at="2025-01-12T12:23:00+08:00")
    assert (other["incident_id"], other["joined"]) == (lamp, True)
    shown = (await door.get(f"{LIST}/{lamp}")).json()
    assert shown["voices_count"] == 2
    assert [(voice["text"], voice["joined"]) for voice in shown["voices"]] == [
        ("泰和街21号门前路灯坏了", False),
        ("泰和街21号路灯不亮", True),
    ]
    assert shown["voices"][0]["location"] == {"lat": 46.69, "lon": 126.1, "crs": "WGS-84"}
    why = (await door.get(f"{LIST}/{lamp}/explanation")).json()["reports"]
    assert [report["joined"] for report in why] == [False, True]


async def test_the_timeline_tells_everything_in_order(door: Door, clock: SetClock) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    clock.pass_by(minutes=1)
    await door.command(lamp, "claim", responder="urban-lighting", actor="op-7", note="两人去")
    await door.command(lamp, "return", responder="urban-lighting", reason="灯杆归物业")
    told = (await door.get(f"{LIST}/{lamp}/timeline")).json()
    assert told["incident_id"] == lamp
    entries = told["entries"]
    assert [(entry["seq"], entry["n"], entry["type"]) for entry in entries] == [
        (1, 0, "ReportReceived"),
        (1, 1, "RoutingDecided"),
        (2, 0, "IncidentClaimed"),
        (3, 0, "IncidentReturned"),
        (3, 1, "IncidentReoffered"),
    ]
    assert (entries[2]["actor"], entries[2]["said"]) == ("op-7", {"note": "两人去"})
    assert (entries[2]["recorded_at"], entries[2]["event"]["at"]) == ("2025-01-12T04:26:01Z",) * 2
    assert entries[3]["said"] == {"reason": "灯杆归物业"}
    assert entries[4]["event"]["responders"] == ["desk-110"]


async def test_the_explanation_is_the_decision_s_own(door: Door) -> None:
    taken = await door.report()
    why = (await door.get(f"{LIST}/{taken['incident_id']}/explanation")).json()["reports"][0]
    assert why["decision"]["rule"] == taken["rule"] == "streetlight"
    assert why["decision"]["bundle"] == taken["bundle"]
    assert [rule["verdict"] for rule in why["considered"] if rule["rule"] == "streetlight"] == ["won"]
    assert any("streetlight" in sentence for sentence in why["words"]["en"])
    assert any("规则" in sentence for sentence in why["words"]["zh"])


@pytest.mark.parametrize("what", ["", "/timeline", "/explanation"])
@pytest.mark.parametrize("incident", ["01JHCC43B0CF0T04X2K8D2K8XZ", "nonsense", "%00"])
async def test_no_such_incident(door: Door, incident: str, what: str) -> None:
    answer = await door.get(f"{LIST}/{incident}{what}")
    assert (answer.status_code, answer.json()["title"]) == (404, "UnknownIncident")


async def test_name_and_phone_are_nowhere_but_at_the_reporter_s_door(door: Door) -> None:
    taken = await door.report(attributes={"callback": "000-0000-0000"}, colour="Invented Zhang")
    lamp = taken["incident_id"]
    await door.command(lamp, "claim", responder="urban-lighting")
    await door.get(f"/api/v1/reports/{taken['report_id']}/reporter", responder="urban-lighting")
    for path in (LIST, f"{LIST}/{lamp}", f"{LIST}/{lamp}/timeline", f"{LIST}/{lamp}/explanation", "/metrics"):
        answer = await door.client.get(path)
        assert answer.status_code == 200
        assert "Invented Zhang" not in answer.text, path
        assert "000-0000-0000" not in answer.text, path


async def test_what_a_search_finds_on_the_page(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    hole = await opened(door, "A3路口有个坑", place="人民公园")
    assert await listed(door, q="路灯") == [lamp]
    assert await listed(door, q="a3路") == await listed(door, q="公园 Ａ３") == [hole]


async def test_pages_of_a_list_show_one_moment(door: Door, clock: SetClock) -> None:
    made = [await opened(door, f"捡到手套{number}只") for number in range(3)]
    first = (await door.get(LIST, limit=1)).json()
    clock.pass_by(minutes=5)
    await door.command(made[1], "cancel", reason="试")
    rest = (await door.get(LIST, limit=9, cursor=first["next_cursor"])).json()
    assert [(item["incident_id"], item["state"]) for item in rest["items"]] == [
        (made[1], "offered"),
        (made[2], "offered"),
    ]
    assert rest["as_of"] == first["as_of"]


async def test_the_past_is_told_as_it_was(door: Door, clock: SetClock) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    then = clock.at.isoformat()
    clock.pass_by(minutes=30)
    await door.command(lamp, "claim", responder="urban-lighting")
    past, now = [(await door.get(f"{LIST}/{lamp}", **asked)).json() for asked in ({"as_of": then}, {})]
    assert (past["state"], past["holder"], past["clock"]["late"]) == ("offered", None, False)
    assert (now["state"], now["holder"], now["clock"]["name"]) == ("claimed", "urban-lighting", "resolution")
    assert len((await door.get(f"{LIST}/{lamp}/timeline", as_of=then)).json()["entries"]) == 2
    assert await listed(door, as_of=then, state="offered") == [lamp]
    counts = (await door.get("/api/v1/counts", as_of=then)).json()
    assert (counts["states"]["offered"], counts["responders"]["urban-lighting"]["offered"]) == (1, 1)
    before = (clock.at - timedelta(hours=1)).isoformat()
    assert (await door.get(f"{LIST}/{lamp}", as_of=before)).status_code == 404
    assert await listed(door, as_of=before) == []


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2025-01-12", "2025-01-12T04:00:00", "2025-01-13T00:00:00Z", "0001-01-01T00:00:00+23:59"]
)
async def test_what_is_no_past_instant_is_refused(door: Door, as_of: str) -> None:
    answer = await door.get(LIST, as_of=as_of)
    assert (answer.status_code, answer.json()["title"], answer.json()["parameter"]) == (422, "BadParameter", "as_of")


async def test_a_report_being_typed_leaves_no_trace(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了", place="泰和街21号")
    before = door.engine.store.last_position()
    typed = {"text": "泰和街21号路灯不亮", "reporter": {"phone": "000-1"}, "place": "泰和街21号", "source_id": 7}
    answer = await door.post("/api/v1/reports:similar", typed)
    (found,) = answer.json()["items"]
    assert (found["incident_id"], found["reasons"]) == (lamp, ["same-place", "same-category", "alike"])
    assert door.engine.store.last_position() == before
    odd: object
    for odd in ([], {"text": 7}, {"location": {"lat": "x"}}):
        assert (await door.post("/api/v1/reports:similar", odd)).status_code == 422
    assert (await door.raw("/api/v1/reports:similar", b"{")).status_code == 400
    assert (await door.post("/api/v1/reports:similar", {})).json()["items"] == []


async def test_nearby_is_asked_within_limits(door: Door) -> None:
    lamp = await opened(door, "泰和街21号门前路灯坏了")
    hole = await opened(door, "路上有个大坑", location={"lat": 46.6905, "lon": 126.10})
    found = (await door.get(f"{LIST}/{lamp}/nearby")).json()
    assert [(item["incident_id"], round(item["distance_m"])) for item in found["items"]] == [(hole, 56)]
    for within_m in (0, 5001, "x"):
        assert (await door.get(f"{LIST}/{lamp}/nearby", within_m=within_m)).status_code == 422
    page = (await door.client.get(f"/incidents/{lamp}", params={"lang": "en"})).text
    assert "56 m" in page
    assert f"/incidents/{hole}" in page


async def test_a_page_of_long_ago_is_said_to_be_gone(
    door: Door, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await opened(door, f"捡到手套{number}只") for number in range(2)]
    cursor = (await door.get(LIST, limit=1)).json()["next_cursor"]
    clock.pass_by(minutes=1)
    await door.command(made[1], "cancel", reason="试")
    monkeypatch.setattr(moment, "MOST_ROWS", 0)
    answer = await door.get(LIST, cursor=cursor)
    assert (answer.status_code, answer.json()["title"]) == (422, "TooFarBack")
    page = await door.client.get("/", params={"cursor": cursor, "lang": "en"})
    assert (page.status_code, "please begin again" in page.text) == (422, True)
