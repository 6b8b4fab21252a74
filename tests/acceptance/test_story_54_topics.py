"""Story 54: reports arrive on topics, departments answer on topics, and whoever watches sees the same.

On the real broker and PostgreSQL; the engine's clock and the reader of the broker's time stand where the story is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from schemas import topics
from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town, answering
from tests.engine_on_kafka import InProcess, KafkaTown


@pytest.fixture
def door(kafka_town: KafkaTown, town_database: str, clock: StoryClock, tmp_path: Path) -> Iterator[Town]:
    """The engine at work on the topics, and its HTTP door."""

    def broker_time(_timestamp_ms: int, _kind: int) -> datetime:
        return clock()

    with InProcess(kafka_town, town_database, tmp_path, clock=clock, read_time=broker_time) as running:  # noqa: SIM117
        with answering(running.engine) as town:
            yield town


def until(holds: Callable[[], bool], limit_s: float = 10) -> None:
    give_up_at = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < give_up_at, "it did not come about"
        time.sleep(0.02)


def test_four_kinds_by_topic(kafka_town: KafkaTown, door: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T12:22")
    kafka_town.report("lamp", "泰和街21号门前路灯坏了", area="231223100")
    kafka_town.report("wallet", "钱包落在出租车上了")
    kafka_town.report("car", "车陷进沟里出不来")
    kafka_town.report("person", "家里老人走失了,82岁")
    lamp = kafka_town.offer_to("urban-lighting", category="lighting/streetlight").data["incident_id"]
    wallet = kafka_town.offer_to("taxi-antai", category="lost/in-taxi").data["incident_id"]
    car = kafka_town.offer_to("mammoth-rescue", category="rescue/vehicle-stuck").data["incident_id"]
    person = kafka_town.offer_to("station-qinggang", category="missing/person").data["incident_id"]
    assert kafka_town.offer_to("taxi-shengda", incident_id=wallet).data["mode"] == "race"
    assert kafka_town.offer_to("search-team", incident_id=person).data["mode"] == "all"
    copied = kafka_town.wait_for(
        lambda it: it.topic == topics.notices("transport-bureau") and it.key == wallet, limit_s=5
    )
    assert copied[0].type == "dispatch.incident.copied.v1"

    # the wallet, the car and the person are taken at once; another car by nobody
    kafka_town.report("car-2", "我的车陷在雪地里了")
    overdue = kafka_town.wait_for(
        lambda it: it.type == "dispatch.offer.made.v1" and it.topic == topics.notices("mammoth-rescue"), count=2
    )[1].data["incident_id"]
    clock.pass_by(minutes=3)
    for responder, incident in (("taxi-antai", wallet), ("mammoth-rescue", car), ("station-qinggang", person)):
        said = kafka_town.answer_to(kafka_town.command(responder, "claim", incident))
        assert (said.type, said.data["state"]) == ("dispatch.command.accepted.v1", "claimed")

    # the lamp after 20 minutes to the second: in time, and in the 1 200 s bucket
    clock.set("2025-01-12T12:42")
    assert kafka_town.answer_to(kafka_town.command("urban-lighting", "claim", lamp)).data["holder"] == "urban-lighting"
    in_bucket = 'dispatch_claim_seconds_bucket{le="%s",responder="urban-lighting"}'
    until(lambda: door.metric(in_bucket % "1200.0") == 1)
    assert door.metric(in_bucket % "900.0") == 0
    assert door.metric('dispatch_breaches_total{clock="claim",responder="urban-lighting"}') == 0

    # the other car rings once, and only once
    breaches = 'dispatch_breaches_total{clock="claim",responder="mammoth-rescue"}'
    until(lambda: door.metric(breaches) == 1)
    rang = kafka_town.wait_for(lambda it: it.data.get("event") == "ClockBreached:claim" and it.key == overdue)
    assert rang
    clock.pass_by(hours=2)
    time.sleep(0.6)  # three of the tick's turns
    assert door.metric(breaches) == 1
    assert len(door.events(overdue, "ClockBreached")) == 1

    for responder, incident in (("taxi-antai", wallet), ("urban-lighting", lamp), ("mammoth-rescue", car)):
        done = kafka_town.answer_to(kafka_town.command(responder, "resolve", incident, outcome="办好了"))
        assert (done.type, done.data["state"]) == ("dispatch.command.accepted.v1", "resolved")

    # over HTTP it is the same
    for incident, state, holder in (
        (lamp, "resolved", "urban-lighting"),
        (wallet, "resolved", "taxi-antai"),
        (car, "resolved", "mammoth-rescue"),
        (person, "claimed", "station-qinggang"),
        (overdue, "offered", None),
    ):
        shown = door.incident(incident)
        assert (shown["state"], shown["holder"]) == (state, holder)
    assert [it["incident_id"] for it in door.queue("mammoth-rescue")] == [overdue]
