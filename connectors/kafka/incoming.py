"""From a record of a topic to the command it means, or to the dead letter it becomes; decided from values alone."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from schemas import topics
from schemas.commands import BODIES, TOPIC_COMMANDS, Command, IncidentCommand, KeepDeadLetter, SubmitReport
from schemas.decode import Undecodable, command_body_from, decode_json, report_from
from schemas.envelope import Headers, event_id, harmless, letter_headers, read_envelope, reason_of, unreadable
from schemas.refusals import NotYours, title
from schemas.reports import Report

log = structlog.get_logger(__name__)
_LOG_APPEND_TIME: Final = 1
_LONGEST_ID: Final = 64
_VERBS: Final = {f"{topics.COMMAND_TYPE_PREFIX}{verb}.v1": verb for verb in TOPIC_COMMANDS}
_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Record:
    """A message as read. `appended_at` None = the topic does not say when the broker took it, so now counts."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers
    appended_at: datetime | None

    @property
    def origin(self) -> str:
        """Provenance, never identity: a topic made anew begins again at offset 0."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Message(Protocol):
    """What Faust's messages and kafka-python's records have in common."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers


Meaning = Callable[[Record], Command]


class _SpeaksForAnother(Exception):
    """The body names another responder than the topic."""


def append_time(timestamp_ms: int, timestamp_type: int) -> datetime | None:
    """The broker's own time of a record; a time set by the producer (CreateTime) is not believed."""
    if timestamp_type != _LOG_APPEND_TIME:
        return None
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


def record_of(message: Message, appended_at: datetime | None) -> Record:
    return Record(message.topic, message.partition, message.offset, message.value, message.headers, appended_at)


def commands_of(records: Iterable[Record], meaning: Meaning) -> list[Command]:
    """One command per record, whatever is in it: a mistake of ours over one must not stop its topic."""
    return [_total(record, meaning) for record in records]


def _total(record: Record, meaning: Meaning) -> Command:
    try:
        return meaning(record)
    except Exception as error:  # noqa: BLE001 - see commands_of
        return _letter(record, f"engine-error: {type(error).__name__}")


def log_letters(where: str, batch: Sequence[Command]) -> None:
    """One line for a batch in which something could not be read; the codes only."""
    reasons = [command.reason.partition(":")[0] for command in batch if isinstance(command, KeepDeadLetter)]
    if reasons:
        log.warning("not_readable", where=where, batch=len(batch), reasons=dict(Counter(reasons)))


def report_command(record: Record) -> Command:
    """SubmitReport, or KeepDeadLetter with the reason."""
    try:
        event = read_envelope(record.value, record.headers)
        if event.type != topics.REPORT_TYPE:
            raise unreadable("unknown-type", harmless(event.type))
        report, warnings = _report(event.data, {"source": event.source, "source_id": event.id})
    except Undecodable as error:
        return _letter(record, str(error))
    return SubmitReport(
        report=report, warnings=warnings, via="kafka", effective_at=record.appended_at, origin=record.origin
    )


def incident_command(record: Record) -> Command:
    """The command of a responder; what cannot be one becomes a dead letter that its sender is told of."""
    responder = topics.responder_of(record.topic) or ""
    try:
        return _incident_command(record, responder)
    except _SpeaksForAnother:
        reason = title(NotYours())
    except Undecodable as error:
        reason = str(error)
    return replace(_letter(record, reason), responder=responder, command_id=event_id(record.value, record.headers))


def _report(data: bytes, instead: Mapping[str, object]) -> tuple[Report, tuple[str, ...]]:
    try:
        value = decode_json(data)
        if isinstance(value, dict):
            value = value | {name: said for name, said in instead.items() if value.get(name) is None}
        return report_from(value)
    except Undecodable as error:
        raise Undecodable(reason_of(error, "not-a-report"), syntax=error.syntax) from error


def _incident_command(record: Record, responder: str) -> IncidentCommand:
    event = read_envelope(record.value, record.headers)
    verb = _VERBS.get(event.type)
    if verb is None:
        raise unreadable("unknown-type", harmless(event.type))
    try:
        value = decode_json(event.data)
        incident_id = _taken_out(value)
        body = command_body_from(verb, value)
    except Undecodable as error:
        raise Undecodable(reason_of(error, "not-a-command"), syntax=error.syntax) from error
    if body.responder not in {None, responder}:
        raise _SpeaksForAnother
    body = replace(body, responder=responder)
    # as over HTTP, so that a command repeated through the other door is recognised
    digest = hashlib.sha256(_encoder.encode((verb, incident_id, body))).hexdigest()
    return BODIES[verb][1](
        incident_id=incident_id,
        sender=responder,
        command_id=event.id,
        digest=digest,
        by_topic=True,
        via="kafka",
        effective_at=record.appended_at,
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


def _letter(record: Record, reason: str) -> KeepDeadLetter:
    return KeepDeadLetter(
        raw=record.value or b"",
        reason=reason,
        origin=record.origin,
        headers=letter_headers(record.headers),
        via="kafka",
        effective_at=record.appended_at,
    )
