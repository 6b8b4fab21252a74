"""Every move by its form, what the page then says, and what two people at one desk see."""

from __future__ import annotations

import httpx
import pytest

from schemas.commands import FireDue
from schemas.outcomes import Fired
from tests.integration.web.conftest import Door, SetClock
from tests.integration.web.page_reading import Page
from tests.integration.web.test_console import lamp, page, read, send

pytestmark = pytest.mark.anyio
LIGHTING, DESK = {"as": "urban-lighting"}, {"as": "desk-110"}


async def press(door: Door, path: str, verb: str, who: dict[str, str], **filled: str) -> Page:
    """Open the page as somebody, fill in the form of a move, send it: the page that follows."""
    answer = await send(door, await page(door, path, **who), f"{path}/{verb}", **filled)
    assert answer.status_code == 303, answer.text
    return read(await door.client.get(answer.headers["location"]))


def has(shown: Page, *parts: str) -> None:
    for part in parts:
        assert part in shown.text, part


async def test_work_with_a_promise_a_pause_and_units(door: Door, clock: SetClock) -> None:
    path = await lamp(door)
    await press(door, path, "claim", LIGHTING, promised_at="2025-01-12T15:30")
    planned = await press(door, path, "plan", LIGHTING, promised_at="2025-01-12T17:00", note="吊车下午到")
    has(
        planned,
        "Promised.",
        "Planned",
        "Promised for 17:00",
        "Urban lighting promised it for 17:00",
        "Note: 吊车下午到",
    )
    clock.pass_by(minutes=35)  # 13:00
    paused = await press(door, path, "pause", LIGHTING, waiting_for="weather", reason="大雪")
    has(paused, "Paused waits: weather", "Stands since 13:00: waits for weather", "resolve stands, 3 h 10 min left")
    clock.pass_by(hours=2)
    has(await page(door, path), "resolve stands, 3 h 10 min left 16:10")
    has(await press(door, path, "resume", LIGHTING), "In work", "resolve 3 h 10 min left 18:10")
    has(await press(door, path, "dispatch", LIGHTING, unit="吊车1"), "吊车1 Urban lighting sent 15:00")
    there = await press(door, path, "on-scene", LIGHTING, unit="吊车1")
    has(there, "吊车1 Urban lighting on scene", "吊车1 of Urban lighting: on scene")
    assert there.form(f"{path}/clear").fields["unit"] == "吊车1"
    has(await press(door, path, "clear", LIGHTING), "Unit free again.", "吊车1 Urban lighting free again")
    has(await press(door, path, "progress", LIGHTING, note="换灯头"), "noted progress Note: 换灯头")


async def test_the_desk_follows_up_and_it_is_reopened(door: Door) -> None:
    path = await lamp(door)
    await press(door, path, "claim", LIGHTING)
    await press(door, path, "resolve", LIGHTING, outcome="换了灯泡")
    back = await press(door, path, "follow-up", DESK, solved="no", satisfied="", note="还是不亮")
    has(back, "Offered round 2", "110 desk asked the reporter: not solved Note: 还是不亮", "reopened it: round 2")
    await press(door, path, "claim", LIGHTING)
    await press(door, path, "resolve", LIGHTING)
    has(
        await press(door, path, "follow-up", DESK, solved="", satisfied=""), "Resolved", "asked the reporter: no answer"
    )
    done = await press(door, path, "follow-up", DESK, solved="yes", satisfied="yes")
    has(done, "Closed", "reporter: solved satisfied", "asked the reporter: solved, satisfied")
    has(await press(door, path, "reopen", DESK, reason="又坏了"), "Offered round 3", "Reason: 又坏了")


async def test_the_hand_of_the_desk(door: Door) -> None:
    path = await lamp(door)
    has(await press(door, path, "urge", DESK, note="天快黑了"), "urged 1×", "110 desk urged Note: 天快黑了")
    has(await press(door, path, "supervise", DESK), "supervised", "110 desk supervises it")
    has(await press(door, path, "supervise", DESK), "110 desk ended supervision")
    has(await press(door, path, "prioritize", DESK, priority="P1"), "P1 Streetlight", "set the priority to P1")
    handed = await press(door, path, "refer", DESK, to="power", reason="是供电的杆")
    has(handed, "Referred.", "110 desk handed it to Power company", "Power company offered")
    power = {"as": "power"}
    has(await press(door, path, "claim", power), "Power company holds it")
    asked = await press(door, path, "extend", power, until="2025-01-14T12:00", reason="等配件")
    has(asked, "asks for time", "Asked for time until 01-14 12:00")
    refused = await press(door, path, "extend", DESK, until="", granted="no")
    has(refused, "110 desk did not grant more time")
    granted = await press(door, path, "extend", DESK, until="2025-01-15T12:00", granted="yes")
    has(granted, "110 desk granted time until 01-15 12:00", "resolve 2 d 23 h left")
    deferred = await press(door, path, "defer", DESK, until="2025-03-01T09:00", reason="等经费")
    has(deferred, "waits: budget", "deferred it until 03-01 09:00: waits for budget", "look again")
    joint = await press(door, path, "joint", DESK, **{"department.roads": "yes", "department.drains": "yes"})
    has(joint, "set joint handling, led by Power company", "Roads offered", "Drains offered")
    has(await press(door, path, "cancel", DESK, reason="重复"), "110 desk cancelled it Reason: 重复")


async def test_a_correction_routes_again_and_says_what_was_wrong(door: Door) -> None:
    path = await lamp(door)
    shown = await press(door, path, "correct", DESK, category="road/hole", place="北环路口", lat="46.7", lon="126.2")
    has(
        shown,
        "P2 Hole in the road",
        "110 desk put right: kind Streetlight → Hole in the road, the place Place: 北环路口",
    )
    has(shown, "Offer withdrawn from Urban lighting", "Roads offered")
    unknown = await send(door, await page(door, path, **DESK), f"{path}/correct", category="no/such")
    has(read(unknown, 422), "The rules in force know no kind “no/such”.")
    nothing = await send(door, await page(door, path, **DESK), f"{path}/correct")
    has(read(nothing, 422), "This says nothing new")


async def test_what_only_a_person_knows_is_chosen_from_what_the_rules_ask(door: Door) -> None:
    path = await lamp(door, text="两栋楼之间堆了很多垃圾,这得找谁啊")
    asked = (await page(door, path, **DESK)).form(f"{path}/correct").options["attribute"]
    assert asked == ["", "property-management=false", "property-management=true"]
    shown = await press(door, path, "correct", DESK, attribute="property-management=false", reason="老小区,没有物业")
    has(
        shown,
        "110 desk put right: what is known of it",
        "Offer withdrawn from Property management",
        "Sanitation offered",
    )
    broken = await send(door, await page(door, path, **DESK), f"{path}/correct", attribute="property-management=maybe")
    has(read(broken, 422), "cannot be read")


async def test_a_return_says_whose_it_should_be(door: Door) -> None:
    path = await lamp(door)
    back = await press(door, path, "return", LIGHTING, reason="小区自管", suggested_owner="property-management")
    has(back, "returned it: it should be Property management Reason: 小区自管", "should be Property management")
    desk = await page(door, path, **DESK)
    assert desk.form(f"{path}/refer").fields["to"] == "property-management"


async def test_merged_voices_stand_with_the_one_that_stays(door: Door) -> None:
    stays, path = await lamp(door, text="小区垃圾没人清"), await lamp(door, text="垃圾堆成山")
    merged = await press(door, path, "merge", DESK, into=f"http://127.0.0.1{stays}?as=desk-110", reason="同一堆")
    has(merged, "Merged", "It is the same thing as another incident", "110 desk merged it into")
    assert stays in merged.links
    kept = await page(door, stays)
    has(kept, "小区垃圾没人清", "垃圾堆成山", "from the merged incident")
    assert path in kept.links
    again = await press(door, path, "unmerge", DESK, reason="两处")
    has(again, "Offered", "110 desk took it out again of")
    assert "from the merged incident" not in (await page(door, stays)).text
    itself = await send(door, await page(door, path, **DESK), f"{path}/merge", into=path)
    has(read(itself, 409), "These two cannot be merged")


async def test_what_is_near_can_be_chosen_to_merge_into(door: Door) -> None:
    stays, path = await lamp(door, text="小区垃圾没人清"), await lamp(door, text="垃圾堆成山")
    shown = await page(door, path, **DESK)
    has(shown, "Nearby", "0 m")
    assert shown.form(f"{path}/merge").choices["into"] == [stays.rpartition("/")[2]]


async def test_a_slip_can_be_taken_back_for_twenty_seconds(door: Door, clock: SetClock) -> None:
    path = await lamp(door)
    shown = await press(door, path, "claim", LIGHTING)
    assert f"{path}/undo" in [form.action for form in shown.forms]
    clock.pass_by(seconds=20)
    has(await press(door, f"{path}", "undo", LIGHTING | {"done": "claim"}), "Taken back.", "Offered")
    shown = await press(door, path, "claim", LIGHTING)
    clock.pass_by(seconds=21)
    late = await send(door, shown, f"{path}/undo")
    has(read(late, 409), "It can no longer be undone")
    assert f"{path}/undo" not in [form.action for form in (await page(door, path, done="claim", **LIGHTING)).forms]


async def test_of_two_at_one_desk_the_second_is_told_to_look_again(door: Door) -> None:
    path = await lamp(door)
    first, second = await page(door, path, **DESK), await page(door, path, **DESK)
    assert (await send(door, first, f"{path}/prioritize", priority="P1")).status_code == 303
    late = read(await send(door, second, f"{path}/refer", to="power", reason="不是路灯"), 409)
    has(late, "Somebody moved it on – look again", "P1 Streetlight")
    assert late.form(f"{path}/refer").fields["to"] == "power"
    assert "不是路灯" in late.text
    sent = await send(door, late, f"{path}/refer", to="power", reason="不是路灯")
    assert sent.status_code == 303


async def test_what_was_typed_stays_when_it_cannot_be_read(door: Door) -> None:
    path = await lamp(door)
    answer = await send(door, await page(door, path, **DESK), f"{path}/correct", lat="north", lon="1", place="<b>")
    shown = read(answer, 422)
    assert (
        shown.form(f"{path}/correct").fields | {"lat": "north", "lon": "1", "place": "<b>"}
        == shown.form(f"{path}/correct").fields
    )


@pytest.mark.parametrize("verb", ["plan", "extend", "defer"])
async def test_a_time_that_has_passed_is_refused_in_words(door: Door, verb: str) -> None:
    path = await lamp(door)
    await press(door, path, "claim", LIGHTING)
    name, who = ("promised_at", LIGHTING) if verb == "plan" else ("until", DESK)
    more = {} if verb == "plan" else {"reason": "x"}
    answer = await send(door, await page(door, path, **who), f"{path}/{verb}", **{name: "2025-01-12T12:00"}, **more)
    assert read(answer, 422).text.count("Not done:") == 1


async def test_a_team_that_took_the_call_itself_has_it_from_the_form_on(door: Door) -> None:
    form = await page(door, "/report")
    taken = await send(door, form, "/report", text="车陷进沟里出不来", held_by="mammoth-rescue")
    shown = read(await door.client.get(taken.headers["location"]))
    has(shown, "Claimed", "Mammoth rescue holds it", "110 desk copy")


async def test_the_queue_marks_what_is_special_and_filters_by_every_state(door: Door) -> None:
    path = await lamp(door)
    await press(door, path, "claim", LIGHTING)
    await press(door, path, "pause", LIGHTING, waiting_for="parts")
    await press(door, path, "urge", DESK)
    await press(door, path, "supervise", DESK)
    shown = await page(door, "/", state="paused")
    assert len(shown.rows) == 2
    for part in ("Paused", "supervised", "urged 1×", "waits: parts"):
        assert part in shown.rows[1]
    assert len((await page(door, "/", state="working")).rows) == 0


async def test_every_event_has_a_sentence_in_chinese(door: Door, clock: SetClock) -> None:
    path = await lamp(door)
    for verb, who, filled in (
        ("return", LIGHTING, {"reason": "x", "suggested_owner": "power"}),
        ("refer", DESK, {"to": "power", "reason": "x"}),
        ("claim", {"as": "power"}, {"crew_sent": "yes", "promised_at": "2025-01-12T15:30"}),
        ("pause", {"as": "power"}, {"waiting_for": "other-department"}),
        ("resume", {"as": "power"}, {}),
        ("joint", DESK, {"department.roads": "yes", "lead": "power"}),
        ("correct", DESK, {"place": "东门"}),
    ):
        await press(door, path, verb, who, **filled)
    clock.pass_by(days=2)
    rang = door.engine.writer.submit([FireDue(incident_id=path.rpartition("/")[2])]).result()
    assert isinstance(rang[0], Fired)
    assert "resolution" in rang[0].rang
    shown = await page(door, path, lang="zh")
    for part in (
        "退单,建议交 供电公司",
        "转办给 供电公司",
        "接单,人员已出发,承诺 01-12 15:30",
        "暂停:等待其他单位",
        "恢复办理",
        "会办",
        "更正",
        "超时:办结时限",
    ):
        assert part in shown.text, part


async def test_a_form_pressed_twice_is_once_whatever_the_move(door: Door) -> None:
    path = await lamp(door)
    shown = await page(door, path, **DESK)
    answers: list[httpx.Response] = [await send(door, shown, f"{path}/urge") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    has(await page(door, path), "urged 1×")
