"""The way through the topics, on real Kafka and PostgreSQL: report, offer, claim, answer; and each kind of poison."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from sqlalchemy import text

from dispatcher.bootstrap import find_pack
from routing_rules import load_pack
from schemas import topics
from tests.engine_on_kafka import Headers, Heard, InProcess, KafkaTown, binary

LAMP = "泰和街21号门前路灯坏了"
WATER = "家里停水了"


@pytest.fixture(scope="module")
def engine(kafka_town: KafkaTown, town_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    var: Path = tmp_path_factory.mktemp("var")
    with InProcess(kafka_town, town_database, var) as running:
        yield running


@pytest.fixture
def town(kafka_town: KafkaTown, engine: InProcess) -> KafkaTown:
    """The town with an engine at work in it."""
    assert engine.engine.ready() == []
    return kafka_town


def offered(town: KafkaTown, source_id: str, responder: str = "water-works", said: str = WATER) -> str:
    """Report by topic; the incident that the responder is offered."""
    before = len(town.heard)
    town.report(source_id, said)
    made = "dispatch.offer.made.v1"

    def is_new(it: Heard) -> bool:
        return it.type == made and it.topic == topics.notices(responder) and town.heard.index(it) >= before

    return str(town.wait_for(is_new)[0].key)


def test_report_offer_claim_accepted_resolve(town: KafkaTown) -> None:
    incident = offered(town, "spine-1")
    claimed = town.answer_to(town.command("water-works", "claim", incident, cycle=1, epoch=1))
    assert claimed.type == "dispatch.command.accepted.v1"
    assert (claimed.data["state"], claimed.data["holder"]) == ("claimed", "water-works")
    resolved = town.answer_to(town.command("water-works", "resolve", incident, outcome="修好了"))
    assert (resolved.type, resolved.data["state"]) == ("dispatch.command.accepted.v1", "resolved")

    told = town.wait_for(lambda it: it.key == incident and it.topic == topics.notices("desk-110"), count=3)
    assert [it.type for it in told] == ["dispatch.incident.copied.v1", *["dispatch.incident.changed.v1"] * 2]
    life = town.wait_for(lambda it: it.key == incident and it.topic == topics.INCIDENTS, count=3)
    assert [it.data["state"] for it in life] == ["offered", "claimed", "resolved"]
    assert "修好了" not in msgspec.json.encode([it.data for it in life]).decode()
    ids = [it.id for it in town.heard if it.key == incident]
    assert len(ids) == len(set(ids))


def test_structured_mode_is_taken_as_well(town: KafkaTown) -> None:
    data = {"source": "110", "source_id": "structured-1", "text": WATER}
    event = {"specversion": "1.0", "id": "s-1", "source": "/110", "type": topics.REPORT_TYPE, "data": data}
    headers: Headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    before = len(town.heard)
    town.say(topics.REPORTS, msgspec.json.encode(event), headers)
    made = town.wait_for(lambda it: it.topic == topics.notices("water-works") and town.heard.index(it) >= before)[0]

    command = {**event, "id": "s-2", "type": "dispatch.command.claim.v1", "data": {"incident_id": made.key}}
    town.say(topics.commands("water-works"), msgspec.json.encode(command), headers)
    assert town.answer_to("s-2").type == "dispatch.command.accepted.v1"


def test_the_loser_learns_who_won_and_when(town: KafkaTown) -> None:
    incident = offered(town, "loser-1", "sanitation", "小区垃圾没人清")
    town.answer_to(town.command("property-management", "claim", incident))
    lost = town.answer_to(town.command("sanitation", "claim", incident))
    assert (lost.type, lost.topic) == ("dispatch.command.refused.v1", topics.notices("sanitation"))
    assert (lost.data["reason"], lost.data["detail"]["holder"]) == ("AlreadyClaimed", "property-management")
    assert lost.data["detail"]["claimed_at"]


def test_a_department_does_its_whole_work_by_topic(town: KafkaTown) -> None:
    incident, before = offered(town, "whole-1"), len(town.heard)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("claim", {"promised_at": "2099-01-01T08:00:00Z", "crew_sent": True}, "claimed"),
        ("plan", {"promised_at": "2099-01-02T08:00:00Z"}, "planned"),
        ("start", {}, "working"),
        ("dispatch", {"unit": "抢修1"}, "working"),
        ("pause", {"waiting_for": "parts", "reason": "等水泵"}, "paused"),
        ("resume", {}, "working"),
        ("on-scene", {"unit": "抢修1"}, "working"),
        ("progress", {"note": "挖开了"}, "working"),
        ("extend", {"until": "2099-01-03T08:00:00Z", "reason": "管子断了"}, "working"),
        ("clear", {"unit": "抢修1"}, "working"),
        ("resolve", {"outcome": "通水了"}, "resolved"),
    ]
    for verb, says, state in steps:
        answer = town.answer_to(town.command("water-works", verb, incident, **says))
        assert (answer.type, answer.data["state"]) == ("dispatch.command.accepted.v1", state), verb
    changes = [
        (it.data["event"], it.data["detail"])
        for it in town.heard[before:]
        if it.key == incident and it.topic == topics.notices("desk-110") and it.type == "dispatch.incident.changed.v1"
    ]
    assert [event for event, _ in changes] == [
        *("IncidentClaimed", "IncidentPlanned", "WorkStarted", "UnitMoved", "WorkPaused", "WorkResumed", "UnitMoved"),
        *("ProgressNoted", "ExtensionAsked", "UnitMoved", "IncidentResolved"),
    ]
    assert changes[4][1]["waiting_for"] == "parts"
    assert (changes[6][1]["unit"], changes[6][1]["state"]) == ("抢修1", "on_scene")
    assert changes[8][1]["until"] == "2099-01-03T08:00:00Z"
    told = msgspec.json.encode([it.data for it in town.heard[before:] if it.key == incident]).decode()
    assert not [text for text in ("等水泵", "挖开了", "管子断了", "通水了") if text in told]


def test_what_a_department_may_not_do_now_is_refused_with_its_reason(town: KafkaTown) -> None:
    incident = offered(town, "not-now-1")
    town.answer_to(town.command("water-works", "claim", incident))
    tries: list[tuple[str, dict[str, Any], str]] = [
        ("plan", {"promised_at": "2001-01-01T08:00:00Z"}, "NotInFuture"),
        ("resume", {}, "NotAllowedInState"),
        ("clear", {"unit": "抢修1"}, "UnitNotThere"),
        ("progress", {}, "NothingToDecide"),
        ("extend", {"until": "2099-01-03T08:00:00Z"}, "ReasonRequired"),
        ("extend", {"until": "2099-01-03T08:00:00Z", "reason": "x", "granted": True}, "NotYours"),
        ("refer", {"to": "nobody", "reason": "x"}, "UnknownResponder"),
        ("start", {"seq": 1}, "Overtaken"),
        ("cancel", {"reason": "x"}, "unknown-type: dispatch.command.cancel.v1"),
    ]
    for verb, says, reason in tries:
        answer = town.answer_to(town.command("water-works", verb, incident, **says))
        assert (answer.type, answer.data["reason"]) == ("dispatch.command.refused.v1", reason), verb


POISON: dict[str, tuple[bytes | None, Headers, str]] = {
    "tombstone": (None, binary(topics.REPORT_TYPE, "p"), "tombstone"),
    "undecodable": (b"\xff\xfe\x00", binary(topics.REPORT_TYPE, "p"), "not-json"),
    "wrong content type": (
        b"<a/>",
        [("content-type", b"application/xml"), *binary(topics.REPORT_TYPE, "p")[1:]],
        "wrong-content-type",
    ),
    "header bomb": (b"{}", [*binary(topics.REPORT_TYPE, "p"), *[("x", b"y" * 100)] * 1000], "header-bomb"),
    "unknown type": (b"{}", binary("dispatch.gossip.v1", "p"), "unknown-type"),
    "no event": (b"{}", [], "missing-attribute"),
    "deep": (b"[" * 100_000, binary(topics.REPORT_TYPE, "p"), "not-"),
    "no report": (b'{"text": 7}', binary(topics.REPORT_TYPE, "p"), "not-a-report"),
}


def test_poison_among_reports_becomes_dead_letters_and_holds_nobody_up(town: KafkaTown, engine: InProcess) -> None:
    before = len(town.heard)
    began = time.monotonic()
    for name, (value, headers, _) in POISON.items():
        town.say(topics.REPORTS, value, headers, partition=3)
        good = {"source": "110", "source_id": f"after {name}", "text": WATER}
        town.say(topics.REPORTS, msgspec.json.encode(good), binary(topics.REPORT_TYPE, f"after {name}"), partition=3)

    def is_new_offer(it: Heard) -> bool:
        return it.type == "dispatch.offer.made.v1" and town.heard.index(it) >= before

    town.wait_for(is_new_offer, count=len(POISON))
    assert time.monotonic() - began < 10  # an exception out of the agent would cost 5 s each
    letters = town.wait_for(
        lambda it: it.topic == topics.DEAD_LETTERS and it.data["origin"].startswith(topics.REPORTS), count=len(POISON)
    )
    reasons = [it.data["reason"].partition(":")[0] for it in letters]
    assert len({it.id for it in letters}) == len(POISON)
    for (_, _, code), reason in zip(POISON.values(), reasons, strict=True):
        assert reason.startswith(code)
    of_reports = text("SELECT raw FROM letters WHERE origin LIKE 'dispatch.reports.%' ORDER BY letter_id")
    with engine.engine.store.reading() as connection:
        kept = connection.execute(of_reports).scalars().all()
    assert [bytes(raw) for raw in kept[: len(POISON)]] == [value or b"" for value, _, _ in POISON.values()]


def test_poison_among_commands_is_refused_with_its_reason(town: KafkaTown) -> None:
    incident = offered(town, "poison-1")
    topic = topics.commands("water-works")
    claim = "dispatch.command.claim.v1"
    town.say(topic, None, binary(claim, "c-tombstone"))
    town.say(topic, b"{", binary(claim, "c-cut"))
    town.say(topic, b"<a/>", [("content-type", b"text/xml"), *binary(claim, "c-xml")[1:]])
    town.say(topic, b"{}", binary("dispatch.command.dance.v1", "c-verb"))
    town.say(topic, b'{"incident_id":"x","phone":"1"}', binary(claim, "c-field"))
    foreign = msgspec.json.encode({"incident_id": incident, "responder": "drains"})
    town.say(topic, foreign, binary(claim, "c-foreign"))
    town.say(topic, b'{"incident_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}', binary(claim, "c-unknown"))
    not_ours = town.command("drains", "claim", incident)
    good = town.command("water-works", "claim", incident)

    reasons = {
        "c-tombstone": "tombstone",
        "c-cut": "not-json",
        "c-xml": "wrong-content-type",
        "c-verb": "unknown-type",
        "c-field": "not-a-command",
        "c-foreign": "NotYours",
        "c-unknown": "UnknownIncident",
        not_ours: "NotCandidate",
    }
    for command_id, reason in reasons.items():
        refused = town.answer_to(command_id)
        assert refused.type == "dispatch.command.refused.v1"
        assert refused.data["reason"].partition(":")[0] == reason
    assert town.answer_to(good).type == "dispatch.command.accepted.v1"


class NoUtf8(str):
    """A header's name that is written to the wire as bytes of no encoding."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - str's signature
        return b"\xff\xfe"


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_header_whose_name_is_no_text_stops_neither_topic(town: KafkaTown, compression: str | None) -> None:
    """Both client libraries raise over it while unpacking, at every poll; see connectors/kafka/foreign_headers.py."""
    with closing(KafkaProducer(bootstrap_servers=town.bootstrap, compression_type=compression, linger_ms=200)) as odd:
        mark = uuid.uuid4().hex
        sent = []
        for number in range(5):
            report = msgspec.json.encode({"source": "110", "source_id": f"{mark}-{number}", "text": WATER})
            headers = binary(topics.REPORT_TYPE, f"{mark}-{number}") + [(NoUtf8("x"), b"1")] * (number % 2)
            sent.append(odd.send(topics.REPORTS, value=report, headers=headers, partition=5))
        before = len(town.heard)
        odd.flush()
        assert [one.get(10).offset - sent[0].get(10).offset for one in sent] == list(range(5))

        def is_new_offer(it: Heard) -> bool:
            return it.type == "dispatch.offer.made.v1" and town.heard.index(it) >= before

        incidents = [str(it.key) for it in town.wait_for(is_new_offer, count=5)]
        for number, incident in enumerate(incidents):
            claim = msgspec.json.encode({"incident_id": incident})
            headers = binary("dispatch.command.claim.v1", f"{mark}-{number}") + [(NoUtf8("x"), b"1")] * (number % 2)
            odd.send(topics.commands("water-works"), value=claim, headers=headers, partition=0)
        odd.flush()
        for number in range(5):
            assert town.answer_to(f"{mark}-{number}").type == "dispatch.command.accepted.v1"


def zstd_frame(content: bytes) -> bytes:
    """A valid zstd frame of one block stored as it is, since no such codec is installed here."""
    header = b"\x28\xb5\x2f\xfd" + b"\xa0" + len(content).to_bytes(4, "little")  # single segment, size in 4 bytes
    return header + (1 | len(content) << 3).to_bytes(3, "little") + content


def test_a_codec_that_our_clients_lack_stops_neither_topic(town: KafkaTown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java's producers like lz4 and zstd; the broker unpacks them for us, because the topics say so."""
    codec = KafkaProducer._COMPRESSORS["zstd"][1]
    monkeypatch.setitem(KafkaProducer._COMPRESSORS, "zstd", (lambda: True, codec))
    monkeypatch.setattr("kafka.codec.has_zstd", lambda: True)
    monkeypatch.setattr("kafka.record.default_records.zstd_encode", zstd_frame)
    with closing(KafkaProducer(bootstrap_servers=town.bootstrap, compression_type="zstd")) as java:
        before = len(town.heard)
        report = msgspec.json.encode({"source": "110", "source_id": "zstd-1", "text": WATER, "extra": "x" * 2000})
        java.send(topics.REPORTS, value=report, headers=binary(topics.REPORT_TYPE, "zstd-1")).get(10)
        made = town.wait_for(lambda it: it.topic == topics.notices("water-works") and town.heard.index(it) >= before)
        claim = msgspec.json.encode({"incident_id": made[0].key, "note": "x" * 2000})
        headers = binary("dispatch.command.claim.v1", "zstd-c")
        java.send(topics.commands("water-works"), value=claim, headers=headers).get(10)
        assert town.answer_to("zstd-c").type == "dispatch.command.accepted.v1"


def test_the_same_event_again_changes_nothing(town: KafkaTown, engine: InProcess) -> None:
    said = {"text": WATER}
    before = len(town.heard)
    for _ in range(3):  # source and id are the event's
        town.say(topics.REPORTS, msgspec.json.encode(said), binary(topics.REPORT_TYPE, "again-1", "radio"))
    made = town.wait_for(lambda it: it.topic == topics.notices("water-works") and town.heard.index(it) >= before)
    incident = str(made[0].key)
    for _ in range(3):
        town.command("water-works", "claim", incident, ce_id="again-c")
    town.answer_to("again-c")
    town.answer_to(town.command("water-works", "resolve", incident, ce_id="again-r"))
    mismatch = town.command("water-works", "claim", incident, ce_id="again-c", note="另一个")
    refused = town.wait_for(lambda it: it.data.get("reason") == "IdempotencyMismatch")[0]
    assert refused.data["command_id"] == mismatch
    rows = engine.engine.store.journal_of(incident)
    kinds = [type(event).__name__ for row in rows for event in row.events]
    assert kinds.count("RoutingDecided") == 1
    assert kinds.count("IncidentClaimed") == 1
    assert kinds.count("CommandAccepted") == 2
    with engine.engine.store.reading() as connection:
        asked = text("SELECT count(*) FROM bodies WHERE kind = 'report' AND incident_id = :it")
        assert connection.execute(asked, {"it": incident}).scalar_one() == 1


def test_nobody_backdates_a_report_or_a_claim(town: KafkaTown, engine: InProcess) -> None:
    long_ago = 1_000_000_000_000  # 2001
    began = datetime.now(UTC)
    before = len(town.heard)
    data: dict[str, Any] = {"source": "110", "source_id": "backdated", "text": WATER}
    town.say(topics.REPORTS, msgspec.json.encode(data), binary(topics.REPORT_TYPE, "backdated"), timestamp_ms=long_ago)
    made = town.wait_for(lambda it: it.topic == topics.notices("water-works") and town.heard.index(it) >= before)[0]
    claim = msgspec.json.encode({"incident_id": made.key})
    headers = binary("dispatch.command.claim.v1", "backdated-c")
    town.say(topics.commands("water-works"), claim, headers, timestamp_ms=long_ago)
    town.answer_to("backdated-c")
    [claimed] = [
        event
        for row in engine.engine.store.journal_of(str(made.key))
        for event in row.events
        if type(event).__name__ == "IncidentClaimed"
    ]
    assert began - timedelta(seconds=1) <= claimed.at <= datetime.now(UTC)  # type: ignore[union-attr]


def test_a_department_added_by_publishing_works_without_a_restart(
    town: KafkaTown, engine: InProcess, tmp_path: Path
) -> None:
    newcomer = f"water-{uuid.uuid4().hex[:6]}"
    pack = tmp_path / "pack"
    pack.mkdir()
    for file in find_pack("qinggang").iterdir():
        if file.is_file():
            said = file.read_text(encoding="utf-8").replace("water-works", newcomer)
            (pack / file.name).write_text(said, encoding="utf-8")
    old = load_pack(find_pack("qinggang"))
    began = time.monotonic()
    try:
        engine.engine.publish(load_pack(pack))
        town.wait_for_topic(topics.notices(newcomer))  # before anything is offered, so that its program can start
        town.listen_to(topics.notices(newcomer))
        town.report("newcomer-1", WATER)
        incident = town.offer_to(newcomer).data["incident_id"]
        accepted = town.answer_to(town.command(newcomer, "claim", incident))
        assert (accepted.type, accepted.data["holder"]) == ("dispatch.command.accepted.v1", newcomer)
        assert time.monotonic() - began < 60
    finally:
        engine.engine.publish(old)
