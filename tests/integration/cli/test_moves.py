"""Every move as it is typed, against a running server; in this process, since a process for each would take long."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from dispatcher.cli.main import app
from schemas.commands import BODIES
from tests.installation import Installation

LAMP = "泰和街21号门前路灯坏了"
_TYPED_AS = {"departments": "department", "attributes": "attribute", "location": "at"}
_BY_MACHINES = {"actor", "cycle", "epoch", "seq", "note", "attachments"}


@pytest.mark.parametrize("verb", BODIES)
def test_every_verb_has_a_command_with_the_fields_of_its_body(verb: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    typed = set(inspect.signature(commands[verb].callback.__wrapped__).parameters)
    fields = set(BODIES[verb][0].__struct_fields__) - _BY_MACHINES
    assert {_TYPED_AS.get(name, name) for name in fields} <= typed
    assert {"incident", "as_json"} <= typed


def typed(served: Installation, *words: str) -> tuple[int, str]:
    """Exit code, and what was printed."""
    done = CliRunner(env=served.environment).invoke(app, words, prog_name="liandong")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def said(served: Installation, *words: str) -> Any:
    code, told = typed(served, *words, "--json")
    assert code == 0, told
    return json.loads(told)


def lamp(served: Installation) -> str:
    return str(said(served, "report", LAMP)["incident_id"])


def does(served: Installation, incident: str, state: str, verb: str, *words: str) -> None:
    assert said(served, verb, incident, *words)["state"] == state, (verb, words)


def test_a_life_by_commands(served: Installation) -> None:
    incident = lamp(served)
    does(served, incident, "claimed", "claim", "--as", "urban-lighting", "--promised-at", "2099-01-12T15:30+08:00")
    does(served, incident, "planned", "plan", "--promised-at", "2099-01-12 17:00")
    does(served, incident, "working", "start")
    does(served, incident, "working", "dispatch", "吊车1", "--note", "出发")
    does(served, incident, "working", "en-route", "吊车1")
    does(served, incident, "paused", "pause", "--waiting-for", "parts", "--reason", "等灯头")
    queue = typed(served, "queue", "--state", "paused")[1]
    assert "waits:parts" in queue
    assert "resolution stands" in queue
    does(served, incident, "working", "resume")
    does(served, incident, "working", "on-scene", "吊车1")
    does(served, incident, "working", "clear", "吊车1")
    does(served, incident, "working", "progress", "换灯头")
    does(served, incident, "working", "extend", "--until", "2099-02-01T12:00", "--reason", "等配件")
    does(served, incident, "working", "extend", "--as", "desk-110", "--refuse")
    does(served, incident, "working", "extend", "--as", "desk-110", "--grant", "--until", "2099-02-02T12:00")
    does(served, incident, "working", "urge")
    does(served, incident, "working", "supervise")
    does(served, incident, "working", "supervise", "--off")
    does(served, incident, "working", "prioritize", "P1", "--reason", "学校门口")
    does(served, incident, "resolved", "resolve", "--outcome", "亮了")
    does(served, incident, "offered", "follow-up", "--not-solved", "--note", "又灭了")
    does(served, incident, "claimed", "claim", "--as", "urban-lighting")
    does(served, incident, "resolved", "resolve")
    does(served, incident, "closed", "follow-up", "--solved", "--satisfied")
    does(served, incident, "offered", "reopen", "--reason", "再坏")
    story = typed(served, "show", incident)[1]
    for told in (
        "吊车1 of urban-lighting: cleared",
        "WorkPaused waiting_for=parts  urban-lighting",
        "round 3",
        "satisfied",
        "等灯头",
        "又灭了",
    ):
        assert told in story


def test_the_hand_of_the_desk_by_commands(served: Installation) -> None:
    incident, other = lamp(served), str(said(served, "report", "家里停水了")["incident_id"])
    does(served, incident, "offered", "return", "--as", "urban-lighting", "--reason", "x", "--suggested-owner", "power")
    does(served, incident, "offered", "refer", "--to", "power", "--reason", "是供电的杆")
    does(served, incident, "claimed", "claim", "--as", "power")
    does(served, incident, "claimed", "joint", "--department", "roads", "--department", "drains", "--lead", "power")
    does(served, incident, "paused", "defer", "--until", "2099-03-01T09:00", "--reason", "等经费")
    does(served, incident, "offered", "correct", "--category", "road/hole", "--place", "东门", "--at", "46.7,126.2")
    does(served, incident, "duplicate", "merge", "--into", other, "--reason", "同一件")
    assert f"merged into {other}" in typed(served, "show", incident)[1]
    assert len(said(served, "show", other)["incident"]["voices"]) == 2
    does(served, incident, "offered", "unmerge")
    does(served, incident, "claimed", "claim", "--as", "roads")
    does(served, incident, "offered", "undo", "--as", "roads")
    does(served, incident, "cancelled", "cancel", "--reason", "误报")


def test_a_team_that_took_the_call_itself_has_it_at_once(served: Installation) -> None:
    taken = said(served, "report", "车陷进沟里出不来", "--held-by", "mammoth-rescue")
    assert (taken["state"], taken["copies"]) == ("claimed", ["desk-110"])


def test_what_only_a_person_knows_routes_it_again(served: Installation) -> None:
    incident = str(said(served, "report", "两栋楼之间堆了很多垃圾,这得找谁啊")["incident_id"])
    said(served, "correct", incident, "--attribute", "property-management=false")
    detail = said(served, "show", incident)["incident"]
    assert [offer["responder"] for offer in detail["offers"] if offer["state"] == "offered"] == ["sanitation"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("plan", "--promised-at", "2001-01-01T00:00", "--as", "urban-lighting"), 1, "NotAllowedInState"),
        (("extend", "--until", "tomorrow"), 2, "is no time such as"),
        (("correct",), 1, "NothingToDecide"),
        (("correct", "--attribute", "property-management"), 2, "NAME=VALUE"),
        (("correct", "--at", "north"), 2, "LAT,LON"),
        (("refer", "--to", "nobody", "--reason", "x"), 1, "UnknownResponder"),
        (("reopen",), 2, "--reason"),
        (("merge", "--into", "nonsense"), 1, "UnknownIncident"),
        (("cancel", "--reason", "x", "--seq", "7"), 1, "Overtaken"),
        (("clear", "car-1", "--as", "desk-110"), 1, "NotAllowedInState"),
    ],
)
def test_what_cannot_be_done_is_said(served: Installation, words: tuple[str, ...], code: int, told: str) -> None:
    verb, *rest = words
    ended, answered = typed(served, verb, lamp(served), *rest)
    assert (ended, told in answered) == (code, True), answered


def test_a_refusal_as_json_is_the_problem(served: Installation) -> None:
    code, told = typed(served, "merge", (incident := lamp(served)), "--into", incident, "--json")
    assert (code, json.loads(told)["title"]) == (1, "MergeRefused")
