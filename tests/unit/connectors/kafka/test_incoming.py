"""What a record of a topic means: a command, or a dead letter that says why."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.kafka.incoming import Record, append_time, commands_of, incident_command, report_command
from dispatcher.web.api.commands import command_from
from schemas import topics
from schemas.commands import BODIES, TOPIC_COMMANDS, ClaimIncident, KeepDeadLetter, ResolveIncident, SubmitReport
from schemas.decode import command_body_from
from schemas.envelope import Headers

AT = datetime(2025, 1, 12, 4, 22, 0, 5000, tzinfo=UTC)
INCIDENT = "01JHCQ4Y2R0000000000000001"
DRAINS = {"responder": "drains"}
LAMP = {"source": "110", "source_id": "1", "text": "路灯坏了"}


def report(data: object = None, kind: str = topics.REPORT_TYPE, **headers: bytes) -> Record:
    value = msgspec.json.encode(LAMP if data is None else data)
    return record(topics.REPORTS, value, kind, **headers)


def command(verb: str = "claim", /, responder: str = "drains", **members: Any) -> Record:
    value = msgspec.json.encode({"incident_id": INCIDENT} | members)
    return record(topics.commands(responder), value, f"dispatch.command.{verb}.v1")


def record(topic: str, value: bytes | None, kind: str, **more: bytes) -> Record:
    headers = {"ce_specversion": b"1.0", "ce_id": b"e-1", "ce_source": b"sim-town", "ce_type": kind.encode()}
    return Record(topic, 2, 7, value, headers | more, AT)


def test_a_report_is_submitted_with_the_brokers_time_and_its_provenance() -> None:
    taken = report_command(report(LAMP | {"mood": "angry"}))
    assert isinstance(taken, SubmitReport)
    assert (taken.via, taken.effective_at, taken.origin) == ("kafka", AT, "dispatch.reports.v1/2/7")
    assert taken.report.source_id == "1"
    assert taken.warnings == ("unknown-field: mood",)
    assert not taken.trusted


@pytest.mark.parametrize("left_out", [{}, {"source": None, "source_id": None}])
def test_source_and_id_of_the_event_stand_in(left_out: dict[str, object]) -> None:
    taken = report_command(report({"text": "路灯坏了"} | left_out))
    assert isinstance(taken, SubmitReport)
    assert (taken.report.source, taken.report.source_id) == ("sim-town", "e-1")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (report(kind="dispatch.report.v2"), "unknown-type: dispatch.report.v2"),
        (report(kind="张三"), "unknown-type: …"),
        (report([1]), "not-a-report: a report is a JSON object"),
        (report({"text": " "}), "not-a-report: a report needs text or category"),
        (report({"text": 7}), "not-a-report: Expected `str | null`, got `int` - at `$.text`"),
        (record(topics.REPORTS, b"{", topics.REPORT_TYPE), "not-json: "),
        (record(topics.REPORTS, None, topics.REPORT_TYPE), "tombstone"),
        (record(topics.REPORTS, b'{"text":"\\u0000"}', topics.REPORT_TYPE), "not-a-report: a text contains NUL"),
    ],
)
def test_what_is_no_report_becomes_a_letter(given: Record, reason: str) -> None:
    letter = report_command(given)
    assert isinstance(letter, KeepDeadLetter)
    assert letter.reason.startswith(reason)
    assert letter.raw == (given.value or b"")
    assert (letter.origin, letter.responder) == ("dispatch.reports.v1/2/7", None)
    assert letter.headers["ce_id"] == "e-1"


def test_a_command_speaks_for_its_topic() -> None:
    claim = incident_command(command(crew_sent=True, note="马上到"))
    assert isinstance(claim, ClaimIncident)
    assert (claim.incident_id, claim.sender, claim.command_id) == (INCIDENT, "drains", "e-1")
    assert (claim.by_topic, claim.via, claim.effective_at) == (True, "kafka", AT)
    assert (claim.body.responder, claim.body.crew_sent) == ("drains", True)
    assert isinstance(incident_command(command("resolve", responder="drains")), ResolveIncident)
    same = incident_command(command(crew_sent=True, note="马上到", responder="drains"))
    assert same == claim


def test_a_command_repeated_through_the_other_door_is_recognised() -> None:
    by_topic = incident_command(command(note="x"))
    by_http = command_from("claim", INCIDENT, command_body_from("claim", {"note": "x", "responder": "drains"}), "e-1")
    assert isinstance(by_topic, ClaimIncident)
    assert (by_topic.sender, by_topic.command_id) == (by_http.sender, by_http.command_id)
    assert by_topic.digest == by_http.digest


SAYS: dict[str, dict[str, Any]] = {
    "refer": {"to": "roads"},
    "plan": {"promised_at": "2025-01-12T15:30:00+08:00"},
    "pause": {"waiting_for": "weather", "reason": "大雪"},
    "extend": {"until": "2025-01-14T12:00:00+08:00", "reason": "等配件"},
    **{verb: {"unit": "吊车1"} for verb in ("dispatch", "en-route", "on-scene", "clear", "withdraw")},
}


@pytest.mark.parametrize("verb", BODIES)
def test_a_department_may_give_its_own_commands_by_topic_and_no_others(verb: str) -> None:
    taken = incident_command(command(verb, **SAYS.get(verb, {})))
    if verb in TOPIC_COMMANDS:
        assert isinstance(taken, BODIES[verb][1])
        by_http = command_from(verb, INCIDENT, command_body_from(verb, SAYS.get(verb, {}) | DRAINS), "e-1")
        assert (taken.body, taken.digest, taken.by_topic) == (by_http.body, by_http.digest, True)  # type: ignore[attr-defined]
    else:
        assert isinstance(taken, KeepDeadLetter)
        assert taken.reason == f"unknown-type: dispatch.command.{verb}.v1"


@pytest.mark.parametrize(
    ("verb", "members"),
    [
        ("plan", {}),
        ("plan", {"promised_at": "15:30"}),
        ("plan", {"promised_at": "2025-01-12T15:30:00"}),
        ("pause", {}),
        ("pause", {"waiting_for": "godot"}),
        ("on-scene", {}),
        ("on-scene", {"unit": ""}),
        ("refer", {"reason": "x"}),
        ("extend", {"until": "9999-12-31T23:59:59Z"}),
    ],
)
def test_a_move_that_does_not_say_enough_is_no_command(verb: str, members: dict[str, Any]) -> None:
    letter = incident_command(command(verb, **members))
    assert isinstance(letter, KeepDeadLetter)
    assert letter.reason.startswith("not-a-command: ")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (command("close"), "unknown-type: "),
        (command("reclaim"), "unknown-type: dispatch.command.reclaim.v1"),
        (command(incident_id=None), "not-a-command: a command needs incident_id"),
        (command(incident_id="x" * 65), "not-a-command: a command needs incident_id"),
        (command(phone="139"), "not-a-command: Object contains unknown field `phone`"),
        (command(cycle="one"), "not-a-command: "),
        (record(topics.commands("drains"), b"[]", "dispatch.command.claim.v1"), "not-a-command: a command is a JSON"),
        (record(topics.commands("drains"), None, "dispatch.command.claim.v1"), "tombstone"),
    ],
)
def test_what_is_no_command_is_told_to_its_sender(given: Record, reason: str) -> None:
    letter = incident_command(given)
    assert isinstance(letter, KeepDeadLetter)
    assert letter.reason.startswith(reason)
    assert (letter.responder, letter.command_id) == ("drains", "e-1")


def test_nobody_speaks_for_another() -> None:
    value = msgspec.json.encode({"incident_id": INCIDENT, "responder": "roads"})
    letter = incident_command(record(topics.commands("drains"), value, "dispatch.command.claim.v1"))
    assert isinstance(letter, KeepDeadLetter)
    assert (letter.reason, letter.responder, letter.command_id) == ("NotYours", "drains", "e-1")


def test_only_the_brokers_time_is_believed() -> None:
    assert append_time(1_736_655_720_005, 1) == AT
    assert append_time(1_000_000_000_000, 0) is None


def test_a_mistake_of_ours_costs_its_own_record_only() -> None:
    def broken(given: Record) -> SubmitReport:
        if given.partition == 2:
            raise KeyError("张三")
        raise AssertionError

    letter = commands_of([report()], broken)[0]
    assert isinstance(letter, KeepDeadLetter)
    assert letter.reason == "engine-error: KeyError"


def test_headers_given_as_pairs_are_read_alike() -> None:
    pairs: Headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"x")]
    letter = report_command(Record(topics.REPORTS, 0, 0, b"{}", pairs, None))
    assert isinstance(letter, KeepDeadLetter)
    assert letter.reason == "unknown-type: x"
