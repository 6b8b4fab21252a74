"""GET /api/v1/responders/{id}/notices: what a department's topic says, for departments without Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from dispatcher.bootstrap import Engine
from dispatcher.loops.deliver import Deliver
from dispatcher.metrics import Metrics
from dispatcher.web.api import live
from dispatcher.web.live import streams
from schemas.notices import NoticePage, OutgoingMessage
from tests.integration.live.conftest import Served

LIGHTING = "urban-lighting"  # has a topic
WITHOUT_TOPIC = "desk-110"


class Kept:
    """An outlet that keeps what it is handed."""

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []

    def expect(self, responders: object) -> None:
        """Nothing to prepare."""

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self.messages += messages


def ask(served: Served, responder: str = LIGHTING, **parameters: object) -> Any:
    answer = served.client.get(
        f"/api/v1/responders/{responder}/notices", params={k: str(v) for k, v in parameters.items()}
    )
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=NoticePage)
    return answer.json()


def all_after(served: Served, responder: str, after: str, limit: int = 200) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while (page := ask(served, responder, after=after, limit=limit))["items"]:
        items += page["items"]
        assert page["next"] != after
        after = page["next"]
    return items


@pytest.fixture(scope="module")
def worked(served: Served) -> str:
    """A day's work; the cursor before it."""
    before = str(ask(served)["next"])
    lamps = served.reports(4)
    served.command("claim", lamps[0], responder=LIGHTING)
    served.command("return", lamps[1], responder=LIGHTING, reason="not ours")
    served.command("claim", lamps[2], responder=LIGHTING)
    served.command("resolve", lamps[2], responder=LIGHTING, outcome="换了灯泡")
    served.command("cancel", lamps[3], reason="twice")
    heaps = served.reports(2, "小区垃圾没人清")
    served.command("claim", heaps[0], responder="sanitation")
    return before


@pytest.mark.usefixtures("worked")
def test_they_are_the_same_as_on_the_topic_in_the_same_order(engine: Engine, served: Served) -> None:
    kept = Kept()
    deliver = Deliver(engine.store, engine.policies, kept, Metrics(), adapter="kafka")
    while deliver.step() == 0.0:
        pass
    told = {m.topic for m in kept.messages}
    listening = [r for r in engine.compiled().responders if f"dispatch.responders.{r}.notices.v1" in told]
    assert LIGHTING in listening
    for responder in listening:
        on_topic = [
            {"id": m.id, "type": m.type, "time": msgspec.to_builtins(m.time), "data": msgspec.json.decode(m.data)}
            for m in kept.messages
            if m.topic == f"dispatch.responders.{responder}.notices.v1"
        ]
        assert all_after(served, responder, "0") == on_topic


def test_those_without_a_topic_read_theirs_too_and_no_id_is_twice(engine: Engine, served: Served, worked: str) -> None:
    ids = [item["id"] for responder in engine.compiled().responders for item in all_after(served, responder, "0")]
    assert len(ids) == len(set(ids))
    desk = all_after(served, WITHOUT_TOPIC, worked)
    assert {"dispatch.offer.made.v1", "dispatch.incident.copied.v1"} <= {item["type"] for item in desk}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_however_small_the_pages_nothing_is_missed_or_repeated(served: Served, worked: str, limit: int) -> None:
    for responder in (LIGHTING, WITHOUT_TOPIC):
        assert all_after(served, responder, worked, limit) == all_after(served, responder, worked)


def test_without_a_cursor_it_answers_at_once_where_it_stands(served: Served) -> None:
    served.report()
    assert ask(served, wait=30) == {"items": [], "next": str(served.last), "reset": False}


def test_it_waits_for_the_first_notice(served: Served) -> None:
    after = ask(served)["next"]
    threading.Timer(0.4, served.report).start()
    began = time.monotonic()
    page = ask(served, after=after, wait=20)
    assert [item["type"] for item in page["items"]] == ["dispatch.offer.made.v1"]
    assert 0.3 < time.monotonic() - began < 15


def test_when_nothing_comes_it_says_so_in_time(served: Served) -> None:
    after = ask(served)["next"]
    began = time.monotonic()
    assert ask(served, "fire-119", after=after, wait="0.3") == {"items": [], "next": after, "reset": False}
    assert 0.25 < time.monotonic() - began < 10


def test_what_concerns_others_moves_the_cursor_on(served: Served) -> None:
    after = ask(served)["next"]
    served.report()
    assert ask(served, "fire-119", after=after) == {"items": [], "next": str(served.last), "reset": False}


def test_a_long_way_is_gone_in_pieces(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.reports(250)
    monkeypatch.setattr(streams, "_MOST_SCANNED", 100)
    first = ask(served, "fire-119", after=served.last - 250, wait=30)
    assert (first["items"], int(first["next"]) < served.last) == ([], True)
    second = ask(served, "fire-119", after=first["next"])
    assert second["next"] == str(served.last)


def test_a_cursor_of_another_database_is_told(served: Served) -> None:
    assert ask(served, after=10**9, wait=30) == {"items": [], "next": str(served.last), "reset": True}


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("nobody/notices", 404, "UnknownResponder"),
        ("%E8%B7%AF/notices", 404, "UnknownResponder"),
        ("urban-lighting/notices?after=x", 422, "BadParameter"),
        ("urban-lighting/notices?after=1&wait=soon", 422, "BadParameter"),
        ("urban-lighting/notices?after=1&wait=-1", 422, "BadParameter"),
        ("urban-lighting/notices?after=1&wait=1e9", 422, "BadParameter"),
        ("urban-lighting/notices?limit=0", 422, "BadParameter"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(served: Served, path: str, status: int, title: str) -> None:
    answer = served.client.get(f"/api/v1/responders/{path}")
    assert (answer.status_code, answer.json()["title"]) == (status, title)


def test_a_long_wait_is_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONGEST_WAIT_S", 0.2)
    after = ask(served)["next"]
    began = time.monotonic()
    assert ask(served, "fire-119", after=after, wait=999)["items"] == []
    assert time.monotonic() - began < 10
