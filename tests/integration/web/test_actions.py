"""The forms of the incident page are the moves that are possible for whoever acts, and each of them is in a group."""

from __future__ import annotations

import re

import pytest

from dispatcher.core.lifecycle import LIFECYCLE
from dispatcher.web.api.incidents import detail_of
from dispatcher.web.console.actions import GROUPS, GUARDED, choices
from tests.integration.web.conftest import Door
from tests.integration.web.page_reading import Page

pytestmark = pytest.mark.anyio
_SAYS = {
    "return": {"reason": "x"},
    "resolve": {"reason": "x"},
    "cancel": {"reason": "x"},
    "pause": {"waiting_for": "parts"},
    "extend": {"until": "2025-02-01T12:00:00+08:00", "reason": "x"},
    "on-scene": {"unit": "car-1"},
}
_WAYS = [
    pytest.param("路灯坏了", [], id="offered"),
    pytest.param("路灯坏了", [("claim", "urban-lighting")], id="claimed"),
    pytest.param("路灯坏了", [("return", "urban-lighting")], id="returned"),
    pytest.param("路灯坏了", [("claim", "urban-lighting"), ("pause", "urban-lighting")], id="paused"),
    pytest.param("路灯坏了", [("claim", "urban-lighting"), ("on-scene", "urban-lighting")], id="a unit is there"),
    pytest.param("路灯坏了", [("claim", "urban-lighting"), ("extend", "urban-lighting")], id="asked for time"),
    pytest.param("钱包落在出租车上了", [("claim", "taxi-antai")], id="race, one claimed"),
    pytest.param("家里老人走失了,82岁", [("claim", "search-team")], id="all, not led yet"),
    pytest.param("路灯坏了", [("claim", "urban-lighting"), ("resolve", "urban-lighting")], id="resolved"),
    pytest.param("路灯坏了", [("cancel", "desk-110")], id="cancelled"),
]


def test_every_move_has_one_place() -> None:
    placed = [verb for verbs in GROUPS.values() for verb in verbs]
    assert sorted(placed) == sorted(set(LIFECYCLE) - {"undo"})
    assert set(LIFECYCLE) >= GUARDED


@pytest.mark.parametrize(("text", "way"), _WAYS)
async def test_forms_are_the_moves_of_whoever_acts(door: Door, text: str, way: list[tuple[str, str]]) -> None:
    incident = (await door.report(text=text))["incident_id"]
    for verb, who in way:
        assert (await door.command(incident, verb, responder=who, **_SAYS.get(verb, {}))).status_code == 200
    moves = (await door.get(f"/api/v1/incidents/{incident}")).json()["moves"]
    for who in [*moves, "roads"]:
        shown = Page((await door.get(f"/incidents/{incident}", **{"as": who})).text)
        forms = [re.sub(".*/", "", form.action) for form in shown.forms]
        assert sorted(set(forms)) == sorted(set(moves.get(who, ())) - {"undo"})
        assert {form.fields["responder"] for form in shown.forms} <= {who}
        guarded = [form for form in shown.forms if re.sub(".*/", "", form.action) in GUARDED]
        assert all("seq" in form.fields for form in guarded)


@pytest.mark.parametrize(
    ("way", "acting", "likely"),
    [
        ([], "urban-lighting", "claim"),
        ([("claim", "urban-lighting")], "urban-lighting", "start"),
        ([("claim", "urban-lighting"), ("start", "urban-lighting")], "urban-lighting", "resolve"),
        ([("claim", "urban-lighting"), ("pause", "urban-lighting")], "urban-lighting", "resume"),
        ([("claim", "urban-lighting"), ("resolve", "urban-lighting")], "desk-110", "follow-up"),
        ([("cancel", "desk-110")], "desk-110", None),
    ],
)
async def test_the_likely_step_comes_first(
    door: Door, way: list[tuple[str, str]], acting: str, likely: str | None
) -> None:
    incident = str((await door.report())["incident_id"])
    for verb, who in way:
        await door.command(incident, verb, responder=who, **_SAYS.get(verb, {}))
    chosen = choices(detail_of(door.engine, incident), None)
    assert (chosen.acting, chosen.next) == (acting, likely)


async def test_the_desk_is_led_to_what_is_asked_of_it(door: Door) -> None:
    incident = str((await door.report())["incident_id"])
    await door.command(incident, "return", responder="urban-lighting", reason="x", suggested_owner="roads")
    assert choices(detail_of(door.engine, incident), None).next == "refer"
    await door.command(incident, "refer", to="roads", reason="x")
    await door.command(incident, "claim", responder="roads")
    await door.command(incident, "extend", responder="roads", **_SAYS["extend"])
    assert choices(detail_of(door.engine, incident), "desk-110").next == "extend"
