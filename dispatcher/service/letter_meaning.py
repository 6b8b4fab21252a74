"""What is in a dead letter: the report or command that its bytes say, read as at the door by which they came.

Values only. Raises Undecodable with the reason why it stays one.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from dispatcher.store import Letter
from schemas import topics
from schemas.commands import BODIES, IncidentCommand, SubmitReport
from schemas.decode import MAX_BODY_BYTES, Undecodable
from schemas.envelope import unreadable
from schemas.reports import Report
from schemas.topic_records import command_of_record, report_of_data, report_of_record

VIA: Final = "redrive"
SOURCE: Final = "dead-letter"  # of a report that names none; its source_id is then the letter's id
OF_THE_ENGINE: Final = "engine:"  # origin of letters that hold a whole command: only we write such
_STRUCTURED: Final[Mapping[str, bytes | None]] = {"content-type": b"application/cloudevents+json"}
_KINDS: Final[Any] = reduce(or_, {kind for _, kind in BODIES.values()}, SubmitReport)
_encoded: Final = msgspec.json.Decoder(_KINDS)


def command_in(letter: Letter) -> SubmitReport | IncidentCommand:
    """The fixed bytes if there are any, else the original ones."""
    raw = letter.raw if letter.fixed is None else letter.fixed
    if len(raw) > MAX_BODY_BYTES:
        raise unreadable("too-large", f"{len(raw)} bytes")
    if letter.origin.startswith(OF_THE_ENGINE) and raw.startswith(b'{"command":'):
        return _whole(letter, raw)
    topic = letter.origin.rsplit("/", 2)[0]
    headers = _STRUCTURED if _is_event(raw) else {name: said.encode() for name, said in letter.headers.items()}
    if responder := topics.responder_of(topic):
        return command_of_record(responder, raw, headers, letter.at)
    if topic == topics.REPORTS or headers is _STRUCTURED:
        return _submission(letter, *_of_topic(letter, raw, headers))
    return _submission(letter, *_plain(letter, raw))


def _of_topic(letter: Letter, raw: bytes, headers: Mapping[str, bytes | None]) -> tuple[Report, tuple[str, ...]]:
    """Whoever puts right what is in an event need not put its envelope right as well."""
    try:
        return report_of_record(raw, headers)
    except Undecodable:
        if letter.fixed is None or headers is _STRUCTURED:
            raise
        return _plain(letter, raw)


def _plain(letter: Letter, raw: bytes) -> tuple[Report, tuple[str, ...]]:
    return report_of_data(raw, {"source": SOURCE, "source_id": letter.letter_id})


def _submission(letter: Letter, report: Report, warnings: tuple[str, ...]) -> SubmitReport:
    """It came in when the letter was kept, and nobody is to blame for the time in between."""
    return SubmitReport(
        report=report,
        warnings=warnings,
        via=VIA,
        effective_at=letter.at,
        origin=letter.origin,
        letter_id=letter.letter_id,
    )


def _whole(letter: Letter, raw: bytes) -> SubmitReport | IncidentCommand:
    try:
        command: SubmitReport | IncidentCommand = _encoded.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("not-a-command") from error
    command = replace(command, effective_at=command.effective_at or letter.at)
    return replace(command, letter_id=letter.letter_id) if isinstance(command, SubmitReport) else command


def _is_event(raw: bytes) -> bool:
    """Whether it says itself that it is a CloudEvent."""
    try:
        return "specversion" in msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
