"""The AsyncAPI 3.1 document of our topics: CloudEvents 1.0, binary mode out, both modes in."""

from typing import Final, get_args

from msgspec import Struct

from schemas import notices, topics
from schemas.commands import BODIES, TOPIC_COMMANDS
from schemas.events import DeadLettered, IncidentEvent
from schemas.json_schema import Schema, components
from schemas.notices import IncidentEventTold, Notice
from schemas.reports import Report

_WHERE: Final = "#/components/schemas"
_RESPONDER: Final = {"responder": {"description": "id of the responder in the bundle; the topic says who speaks"}}
_NOT_TOLD: Final = frozenset({"ReportReceived", "ReporterRead", "CommandAccepted", "CommandRefused"})
DEAD_LETTER_TYPE: Final = "dispatch.dead-letter.v1"


def asyncapi() -> Schema:
    return {
        "asyncapi": "3.1.0",
        "info": {"title": "Liandong (联动) topics", "version": "1", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": {
            "takeReports": _operation("receive", "reports", "Reports enter, as by POST /api/v1/reports"),
            "takeCommands": _operation(
                "receive", "commands", "Responders claim, give back, work, ask for time and resolve"
            ),
            "sendNotices": _operation("send", "notices", "Offers, changes, copies, and answers to commands"),
            "sendIncidents": _operation("send", "incidents", "Every life-cycle event, no personal data"),
            "sendDeadLetters": _operation(
                "send", "deadletters", "What could not be taken: id, reason, origin; no bytes"
            ),
        },
        "components": {"schemas": _schemas()},
    }


def _channels() -> Schema:
    told = [kind.__name__ for kind in get_args(IncidentEvent) if kind.__name__ not in _NOT_TOLD]
    return {
        "reports": _channel(topics.REPORTS, {topics.REPORT_TYPE: "Report"}, key="area, if the source knows it"),
        "commands": _channel(
            topics.commands("{responder}"),
            {f"{topics.COMMAND_TYPE_PREFIX}{verb}.v1": _command_name(verb) for verb in TOPIC_COMMANDS},
            parameters=_RESPONDER,
        ),
        "notices": _channel(
            topics.notices("{responder}"),
            dict.fromkeys(get_args(notices.NoticeType), "Notice"),
            parameters=_RESPONDER,
        ),
        "incidents": _channel(topics.INCIDENTS, {f"dispatch.incident.{name}.v1": "IncidentEventTold" for name in told}),
        "deadletters": _channel(topics.DEAD_LETTERS, {DEAD_LETTER_TYPE: "DeadLettered"}, key="none"),
    }


def _channel(
    address: str, messages: dict[str, str], *, key: str = "incident id", parameters: Schema | None = None
) -> Schema:
    channel: Schema = {"address": address, "messages": {kind: _message(kind, messages[kind], key) for kind in messages}}
    return channel | ({"parameters": parameters} if parameters else {})


def _message(kind: str, payload: str, key: str) -> Schema:
    return {
        "name": kind,
        "headers": _headers(kind),
        "payload": {"$ref": f"{_WHERE}/{payload}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


def _headers(kind: str) -> Schema:
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
        "properties": {
            "content-type": {"const": "application/json"},
            "ce_specversion": {"const": "1.0"},
            "ce_id": {"type": "string"},
            "ce_source": {"type": "string"},
            "ce_type": {"const": kind},
            "ce_time": {"type": "string", "format": "date-time"},
        },
    }


def _operation(action: str, channel: str, says: str) -> Schema:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": says}


def _schemas() -> dict[str, Schema]:
    types: list[type[Struct]] = [Report, Notice, IncidentEventTold, DeadLettered]
    bodies = {verb: BODIES[verb][0] for verb in TOPIC_COMMANDS}
    found = components([*types, *bodies.values()], _WHERE)
    named = {_command_name(verb): _with_incident(found[body.__name__]) for verb, body in bodies.items()}
    alone = {body.__name__ for body in bodies.values()}
    return dict(sorted((named | {name: found[name] for name in found if name not in alone}).items()))


def _command_name(verb: str) -> str:
    """on-scene → OnSceneCommand."""
    return f"{verb.title().replace('-', '')}Command"


def _with_incident(body: Schema) -> Schema:
    """The body of the HTTP call + incident_id."""
    properties = {"incident_id": {"type": "string"}, **body["properties"]}
    return body | {"properties": properties, "required": ["incident_id", *body.get("required", ())]}
