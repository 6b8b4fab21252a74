"""The buttons of the incident page promise nothing that the engine refuses, and hide nothing that it accepts."""

from __future__ import annotations

import pytest

from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.web.api.incidents import detail_of
from dispatcher.web.console.actions import choices
from tests.integration.web.conftest import Door

pytestmark = pytest.mark.anyio
_WORDS = {"return": {"reason": "x"}, "resolve": {"reason": "x"}, "cancel": {"reason": "x"}}
_PATHS = [
    pytest.param("路灯坏了", [], id="offered"),
    pytest.param("路灯坏了", [("claim", "urban-lighting")], id="claimed"),
    pytest.param("路灯坏了", [("return", "urban-lighting")], id="returned"),
    pytest.param("钱包落在出租车上了", [("claim", "taxi-antai")], id="race, one claimed"),
    pytest.param("小区垃圾没人清", [("claim", "sanitation")], id="first-claim, one lost"),
    pytest.param("家里老人走失了,82岁", [("claim", "search-team")], id="all, not led yet"),
    pytest.param("家里老人走失了,82岁", [("claim", "station-qinggang"), ("claim", "search-team")], id="all, led"),
    pytest.param("路灯坏了", [("claim", "urban-lighting"), ("resolve", "urban-lighting")], id="resolved"),
    pytest.param("路灯坏了", [("resolve", "desk-110")], id="resolved by the desk"),
    pytest.param("路灯坏了", [("cancel", "desk-110")], id="cancelled"),
]


@pytest.mark.parametrize(("text", "path"), _PATHS)
@pytest.mark.parametrize("verb", LIFECYCLE)
async def test_who_may_press_what(door: Door, text: str, path: list[tuple[str, str]], verb: str) -> None:
    offers = (await door.report(text=text))["offers"]
    for number, responder in enumerate([*offers, "desk-110", "roads"]):
        apart = {"lat": 46.65 + number / 250, "lon": 126.1}
        incident = (await door.report(text=text, location=apart))["incident_id"]
        for step, who in path:
            assert (await door.command(incident, step, responder=who, **_WORDS.get(step, {}))).status_code == 200
        before = detail_of(door.engine, incident)
        offered = responder in choices(before).get(verb, ())
        answer = await door.command(incident, verb, responder=responder, **_WORDS.get(verb, {}))
        changed = answer.status_code == 200 and answer.json()["seq"] > before.seq
        assert offered is changed, (responder, answer.text)
