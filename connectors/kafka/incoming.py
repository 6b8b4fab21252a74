"""From a record of a topic to the command it means, or to the dead letter it becomes; decided from values alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from schemas import topics
from schemas.commands import Command, KeepDeadLetter, SubmitReport
from schemas.decode import Undecodable
from schemas.envelope import Headers, event_id, letter_headers
from schemas.topic_records import command_of_record, report_of_record

log = structlog.get_logger(__name__)
_LOG_APPEND_TIME: Final = 1


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
        report, warnings = report_of_record(record.value, record.headers)
    except Undecodable as error:
        return _letter(record, str(error))
    return SubmitReport(
        report=report, warnings=warnings, via="kafka", effective_at=record.appended_at, origin=record.origin
    )


def incident_command(record: Record) -> Command:
    """The command of a responder; what cannot be one becomes a dead letter that its sender is told of."""
    responder = topics.responder_of(record.topic) or ""
    try:
        return command_of_record(responder, record.value, record.headers, record.appended_at)
    except Undecodable as error:
        letter = _letter(record, str(error))
    return replace(letter, responder=responder, command_id=event_id(record.value, record.headers))


def _letter(record: Record, reason: str) -> KeepDeadLetter:
    return KeepDeadLetter(
        raw=record.value or b"",
        reason=reason,
        origin=record.origin,
        headers=letter_headers(record.headers),
        via="kafka",
        effective_at=record.appended_at,
    )
