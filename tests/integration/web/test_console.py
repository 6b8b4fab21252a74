from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import httpx
import pytest

from dispatcher.web.console.actions import GROUPS
from dispatcher.web.console.language import catalogue
from schemas.commands import BODIES
from schemas.events import IncidentEvent
from schemas.incidents import ClockName, Mode, OfferState, State, UnitState, WaitingFor
from schemas.refusals import (
    AnyRefusal,
    BundleRefused,
    LetterSettled,
    LetterStays,
    UnknownBody,
    UnknownLetter,
    UnknownReport,
)
from tests.conftest import PROJECT
from tests.integration.web.conftest import BASE, Door, SetClock
from tests.integration.web.page_reading import Page

pytestmark = pytest.mark.anyio
_NOT_BY_FORM = (BundleRefused, LetterSettled, LetterStays, UnknownBody, UnknownLetter, UnknownReport)
CONSOLE = PROJECT / "dispatcher" / "web" / "console"


async def page(door: Door, path: str, status: int = 200, /, **params: str) -> Page:
    answer = await door.client.get(path, params=params or None)
    return read(answer, status)


def read(answer: httpx.Response, status: int = 200) -> Page:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    shown = Page(answer.text)
    assert (shown.unlabelled, shown.headers_without_scope, shown.scripts_and_styles) == ([], 0, 0)
    assert [link for link in shown.links if not link.startswith(("/", "?", "#"))] == []
    return shown


async def send(door: Door, shown: Page, action: str, **filled: str) -> httpx.Response:
    """The form as a browser would send it."""
    fields = shown.form(action).fields | filled
    headers = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    return await door.client.post(action, data=fields, headers=headers)


async def lamp(door: Door, **fields: object) -> str:
    return f"/incidents/{(await door.report(**fields))['incident_id']}"


async def test_the_queue_shows_what_is_open_the_most_urgent_first(door: Door, clock: SetClock) -> None:
    await door.report()
    await door.report(text="楼里着火了", area=None, location=None)
    done = (await door.report(text="捡到手套"))["incident_id"]
    await door.command(done, "cancel", reason="试")
    clock.pass_by(minutes=20, seconds=61)
    shown = await page(door, "/", lang="zh")
    assert len(shown.rows) == 3
    assert re.match(r"P1 ▲ 超时 .* 发现火情 楼里着火了 未知 待接单 待 119 消防、110 调度台 接单", shown.rows[1])
    assert re.match(r"P3 ▲ 超时 1 分钟 接单 · 12:45 路灯 泰和街21号门前路灯坏了 青冈镇 待接单", shown.rows[2])
    cancelled = await page(door, "/", lang="en", state="cancelled")
    assert len(cancelled.rows) == 2
    assert "Found item" in cancelled.rows[1]


async def test_the_queue_of_one_responder(door: Door) -> None:
    path = await lamp(door)
    await door.report(text="钱包落在出租车上了")
    shown = await page(door, "/", responder="urban-lighting")
    assert len(shown.rows) == 2
    assert f"{path}?as=urban-lighting" in shown.links
    assert shown.form("/").fields == {"state": "open", "responder": "urban-lighting", "q": ""}
    assert "No incidents match." in (await page(door, "/", responder="roads")).text
    assert len((await page(door, "/", q="钱包")).rows) == 2


async def test_the_queue_goes_on_to_the_next_page_and_back(door: Door) -> None:
    for number in range(3):
        await door.report(text="停电", location={"lat": 46.66 + number / 50, "lon": 126.1})
    first = await page(door, "/", limit="2", state="all")
    following = next(link for link in first.links if "cursor=" in link)
    second = await page(door, f"/{following}")
    assert (len(first.rows), len(second.rows)) == (3, 2)
    assert "?limit=2&state=all" in second.links


async def test_an_incident_shows_how_it_stands_and_why(door: Door, clock: SetClock) -> None:
    path = await lamp(door, place="泰和街21号")
    clock.pass_by(minutes=5)
    shown = await page(door, path, lang="en")
    for part in (
        "P3 Streetlight Offered",
        "泰和街21号门前路灯坏了 Place 泰和街21号 Area Qinggang Town",
        "Rule streetlight decides",
        "claim 15 min left 12:45",
        "Urban lighting offered",
        "110 desk copy",
        "12:25 Routed by rule streetlight: offered to Urban lighting source:110",
    ):
        assert part in shown.text
    assert "Invented Zhang" not in shown.text
    assert shown.form(f"{path}/claim").fields["responder"] == "urban-lighting"
    assert f"{path}/cancel" not in [form.action for form in shown.forms]
    desk = await page(door, path, **{"as": "desk-110"})
    assert desk.form(f"{path}/cancel").fields["responder"] == "desk-110"
    assert f"{path}/close" not in [form.action for form in desk.forms]


async def test_claim_resolve_and_close_by_plain_forms(door: Door, clock: SetClock) -> None:
    path = await lamp(door)
    shown = await page(door, path)
    claim = await send(door, shown, f"{path}/claim", crew_sent="yes", promised_at="2025-01-12T15:30", note="两人去")
    assert (claim.status_code, claim.headers["location"]) == (303, f"{path}?done=claim&as=urban-lighting")
    clock.pass_by(minutes=9)
    shown = read(await door.client.get(claim.headers["location"]))
    for part in ("Claimed.", "Urban lighting holds it", "Crew sent", "Promised for 15:30", "Note: 两人去"):
        assert part in shown.text
    resolve = await send(door, shown, f"{path}/resolve", outcome="换了灯泡")
    shown = read(await door.client.get(resolve.headers["location"]))
    assert "Outcome: 换了灯泡" in shown.text
    assert "stopped 12:34" in shown.text
    close = await send(door, shown, f"{path}/close")
    clock.pass_by(seconds=21)
    shown = read(await door.client.get(close.headers["location"]))
    assert shown.forms == []
    assert "Nothing more can be done here." in shown.text


async def test_pressing_twice_is_once(door: Door) -> None:
    path = await lamp(door)
    shown = await page(door, path)
    for _ in range(2):
        assert (await send(door, shown, f"{path}/return", reason="不归我们")).status_code == 303
    assert (await page(door, path)).text.count("returned it Reason:") == 1


async def test_a_refusal_is_said_on_the_page_in_words(door: Door) -> None:
    path = await lamp(door, text="小区垃圾没人清")
    shown = await page(door, path)
    await send(door, shown, f"{path}/claim", responder="sanitation")
    late = await send(door, shown, f"{path}/claim", responder="property-management")
    assert "Not done: Sanitation claimed it at 12:25." in read(late, 409).text
    door.client.cookies.set("lang", "zh")
    late = await send(door, shown, f"{path}/claim", responder="property-management", note="x")
    assert "没有执行: 环卫站 已于 12:25 接单。" in read(late, 409).text


@pytest.mark.parametrize(
    ("verb", "filled", "status", "words"),
    [
        ("claim", {"responder": "roads"}, 403, "The incident was not offered to this responder."),
        ("claim", {"epoch": "7"}, 409, "This offer is no longer open"),
        ("claim", {"epoch": "x"}, 422, "Something in the form cannot be read"),
        ("claim", {"promised_at": "soon"}, 422, "Something in the form cannot be read"),
        ("claim", {"note": "a\0b"}, 422, "Something in the form cannot be read"),
        ("return", {}, 422, "This needs a reason."),
        ("resolve", {}, 422, "This needs a reason."),
        ("cancel", {"responder": "urban-lighting", "reason": "x"}, 409, "nor is the desk"),
    ],
)
async def test_every_refusal_has_its_words(
    door: Door, verb: str, filled: dict[str, str], status: int, words: str
) -> None:
    path, acting = await lamp(door), "desk-110" if verb in {"resolve", "cancel"} else "urban-lighting"
    answer = await send(door, await page(door, path, **{"as": acting}), f"{path}/{verb}", **filled)
    assert words in read(answer, status).text


async def test_what_is_possible_only_in_another_state(door: Door) -> None:
    path = await lamp(door)
    answer = await door.client.post(f"{path}/close", data={})
    assert "not possible in the state “Offered”" in read(answer, 409).text


async def test_entering_a_report(door: Door) -> None:
    form = await page(door, "/report")
    filled = {"text": "家里停水了", "area": "231223100", "lat": "46.69", "lon": "126.1", "name": "Invented Li"}
    taken = await send(door, form, "/report", reported_at="2025-01-12T12:20", phone="000", **filled)
    assert taken.status_code == 303
    shown = read(await door.client.get(taken.headers["location"]))
    for part in ("Report taken.", "Water outage", "Point 46.69, 126.1", "Reported 12:20", "Source console"):
        assert part in shown.text
    assert "Invented Li" not in shown.text
    again = await send(door, form, "/report", reported_at="2025-01-12T12:20", phone="000", **filled)
    assert again.headers["location"] == taken.headers["location"]
    other = await send(door, form, "/report", text="别的事")
    assert "The first report stands" in read(other, 409).text


@pytest.mark.parametrize(
    "filled",
    [{}, {"text": "  "}, {"text": "x", "lat": "north", "lon": "1"}, {"text": "x", "lat": "1"}, {"text": "a\0"}],
)
async def test_a_report_that_cannot_be_read_keeps_what_was_typed(door: Door, filled: dict[str, str]) -> None:
    answer = await send(door, await page(door, "/report"), "/report", place="泰和街<21号>", **filled)
    shown = read(answer, 422)
    assert "Something in the form cannot be read" in shown.text
    assert shown.form("/report").fields["place"] == "泰和街<21号>"


async def test_a_body_that_is_no_form(door: Door) -> None:
    for raw in (b"\xff=1", b"text=%ff", b"&".join([b"a=1"] * 60)):
        read(await door.client.post("/report", content=raw), 400)


async def test_everything_is_escaped(door: Door) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    path = await lamp(door, text=f"路灯坏了{evil}", place=evil, source=evil, channel=evil, area=evil)
    await door.command(path.rpartition("/")[2], "claim", responder="urban-lighting", note=evil, actor=evil)
    for shown in (await page(door, path), await page(door, "/"), await page(door, "/", q=evil)):
        assert evil in shown.text or any(evil in form.fields.values() for form in shown.forms)


@pytest.mark.parametrize(
    ("headers", "cookie", "query", "language"),
    [
        ({}, None, "", "en"),
        ({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}, None, "", "zh"),
        ({"accept-language": "de, en;q=0.5, zh;q=0.9"}, None, "", "zh"),
        ({"accept-language": "zh;q=0"}, None, "", "en"),
        ({"accept-language": "zh;q=much,;;,q"}, None, "", "en"),
        ({"accept-language": "zh"}, "en", "", "en"),
        ({"accept-language": "zh"}, "nonsense", "", "zh"),
        ({"accept-language": "zh"}, "zh", "?lang=en", "en"),
        ({}, None, "?lang=xx", "en"),
    ],
)
async def test_whose_language(
    door: Door, headers: dict[str, str], cookie: str | None, query: str, language: str
) -> None:
    if cookie:
        door.client.cookies.set("lang", cookie)
    answer = await door.client.get(f"/{query}", headers=headers)
    assert read(answer).language == language
    assert ("lang=en" in answer.headers.get("set-cookie", "")) is (query == "?lang=en")


@pytest.mark.parametrize(
    "path", ["/incidents/01JHCC43B0CF0T04X2K8D2K8XZ", "/incidents/x", "/?state=lost", "/?cursor=x"]
)
async def test_what_is_not_there_is_said_on_a_page(door: Door, path: str) -> None:
    answer = await door.client.get(path)
    assert answer.status_code in {404, 422}
    assert "To the queue" in read(answer, answer.status_code).text


async def test_the_style_sheet_is_ours_and_no_path_leads_outside(door: Door) -> None:
    answer = await door.client.get("/static/console.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "http" not in answer.text
    for name in ("../app.py", "%2e%2e%2fqueue.py", "..%2f..%2fapp.py", "console.css%00", "queue.html"):
        assert (await door.client.get(f"/static/{name}")).status_code == 404


def test_both_catalogues_say_the_same_things() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() == chinese.keys()
    named = re.compile(r"\{(\w+)\}")
    differing = [key for key in english if sorted(named.findall(english[key])) != sorted(named.findall(chinese[key]))]
    assert differing == []
    assert all(english.values())
    assert all(chinese.values())


def test_every_sentence_that_is_asked_for_exists_and_every_one_is_used() -> None:
    sources = [*CONSOLE.glob("*.py"), *CONSOLE.glob("templates/**/*.html")]
    text = "\n".join(Path(source).read_text(encoding="utf-8") for source in sources)
    asked = set(re.findall(r"\bt\(\"([\w.-]+)\"[,)]", text))
    assert asked <= catalogue("en").keys()
    built = (
        "state.",
        "role.",
        "mode.",
        "clock.",
        "done.",
        "action.",
        "said.",
        "refusal.",
        "failure.",
        "event.",
        "channel.",
        "actions.",
        "mark.",
        "unit.",
        "waiting.",
    )
    unused = {
        key for key in catalogue("en") if f'"{key}"' not in text and not key.startswith((*built, "filter.state."))
    }
    assert unused == set()


def test_codes_have_words() -> None:
    told = {
        *(f"event.{event.__name__}" for event in get_args(IncidentEvent)),
        *(f"refusal.{make.__struct_config__.tag}" for make in get_args(AnyRefusal) if make not in _NOT_BY_FORM),
        *(f"action.{verb}" for verb in BODIES),
        *(f"done.{verb}" for verb in BODIES),
        *(f"state.{state}" for state in get_args(State)),
        *(f"role.{state}" for state in get_args(OfferState)),
        *(f"mode.{mode}" for mode in get_args(Mode)),
        *(f"clock.{clock}" for clock in get_args(ClockName)),
        *(f"unit.{state}" for state in ("", *get_args(UnitState))),
        *(f"waiting.{what}" for what in get_args(WaitingFor)),
        *(f"actions.{group}" for group in GROUPS),
    }
    assert told <= catalogue("en").keys()
