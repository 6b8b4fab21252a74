"""What the value and headers of a topic's record say: a report, or a responder's command. Raises Undecodable.

Read from the topic, and again when such a record became a dead letter and is put right.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from schemas import topics
from schemas.commands import BODIES, TOPIC_COMMANDS, IncidentCommand, digest_of
from schemas.decode import Undecodable, command_body_from, decode_json, report_from
from schemas.envelope import Headers, harmless, read_envelope, reason_of, unreadable
from schemas.refusals import NotYours, title
from schemas.reports import Report

_LONGEST_ID: Final = 64
_VERBS: Final = {f"{topics.COMMAND_TYPE_PREFIX}{verb}.v1": verb for verb in TOPIC_COMMANDS}


class SpeaksForAnother(Undecodable):
    """The body names another responder than the topic."""


def report_of_record(value: bytes | None, headers: Headers) -> tuple[Report, tuple[str, ...]]:
    """A report and the warnings about it; the event's source and id stand in where the report names none."""
    event = read_envelope(value, headers)
    if event.type != topics.REPORT_TYPE:
        raise unreadable("unknown-type", harmless(event.type))
    return report_of_data(event.data, {"source": event.source, "source_id": event.id})


def report_of_data(data: bytes, instead: Mapping[str, object]) -> tuple[Report, tuple[str, ...]]:
    """The body of POST /api/v1/reports; `instead` stands in for fields that are missing or null."""
    try:
        value = decode_json(data)
        if isinstance(value, dict):
            value = value | {name: said for name, said in instead.items() if value.get(name) is None}
        return report_from(value)
    except Undecodable as error:
        raise Undecodable(reason_of(error, "not-a-report"), syntax=error.syntax) from error


def command_of_record(
    responder: str, value: bytes | None, headers: Headers, effective_at: datetime | None
) -> IncidentCommand:
    """The command that `responder` gives on its topic. Raises SpeaksForAnother, too."""
    event = read_envelope(value, headers)
    verb = _VERBS.get(event.type)
    if verb is None:
        raise unreadable("unknown-type", harmless(event.type))
    try:
        said = decode_json(event.data)
        incident_id = _taken_out(said)
        body = command_body_from(verb, said)
    except Undecodable as error:
        raise Undecodable(reason_of(error, "not-a-command"), syntax=error.syntax) from error
    if body.responder not in {None, responder}:
        raise SpeaksForAnother(title(NotYours()), syntax=False)
    body = replace(body, responder=responder)
    return BODIES[verb][1](
        incident_id=incident_id,
        sender=responder,
        command_id=event.id,
        digest=digest_of(verb, incident_id, body),
        by_topic=True,
        via="kafka",
        effective_at=effective_at,
        body=body,  # type: ignore[call-arg] # every class of BODIES has one
    )


def _taken_out(value: object) -> str:
    """`incident_id`, which over HTTP stands in the path."""
    if not isinstance(value, dict):
        raise Undecodable("a command is a JSON object", syntax=False)
    incident_id = value.pop("incident_id", None)
    if not isinstance(incident_id, str) or not 0 < len(incident_id) <= _LONGEST_ID:
        raise Undecodable("a command needs incident_id", syntax=False)
    return incident_id
