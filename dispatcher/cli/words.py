"""Answers of the API as a person at a terminal reads them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from schemas.dead_letters import DeadLetterDetail
from schemas.outcomes import DeadLetterOutcome
from schemas.reports import Attachment, ReportAnswer
from schemas.views import (
    ClockReading,
    IncidentDetail,
    IncidentExplanation,
    IncidentItem,
    Timeline,
    TimelineEntry,
)

_NOTHING = "-"
_SAYING = (
    *("to", "lead", "suggested_owner", "promised_at", "waiting_for", "until", "recheck_at", "unit", "state", "on"),
    *("priority", "solved", "satisfied", "unconfirmed", "into", "out_of", "duplicate", "parent", "clock", "because"),
)


def report_taken(answer: ReportAnswer) -> Iterator[str]:
    """Where the report went, by when it must be claimed, and what was set aside."""
    verb = "joined, with" if answer.joined else f"{answer.state} to"
    yield f"{answer.incident_id}  {verb} {', '.join(answer.offers)}  ({answer.category or 'no category'})"
    if answer.claim_due_at:
        yield f"  claim by {instant(answer.claim_due_at)}"
    if answer.resolution_due_at:
        yield f"  solve by {instant(answer.resolution_due_at)}"
    yield from (f"  ! {line}" for line in (*answer.reasons, *answer.warnings))


def incident_story(detail: IncidentDetail, timeline: Timeline, why: IncidentExplanation, lang: str) -> Iterator[str]:
    """State, clocks, voices, what happened, and why it went there."""
    yield f"{detail.incident_id}  {detail.priority}  {detail.state}  {detail.category or 'no category'}"
    yield f"  with {with_whom(detail)}"
    if stands := marks(detail):
        yield f"  {', '.join(stands)}"
    yield from (f"  {clock(reading)}" for reading in detail.clocks)
    if detail.promised_at:
        yield f"  promised for {instant(detail.promised_at)}"
    yield from (f"  {unit.unit} of {unit.responder}: {unit.state} since {instant(unit.at)}" for unit in detail.units)
    for voice in detail.voices:
        yield f"  [{voice.source}] {voice.text or _NOTHING}  {voice.place or ''}".rstrip()
        yield from attached(voice.attachments)
    yield "what happened"
    for entry in timeline.entries:
        said = "  ".join(f"{name}: {text}" for name, text in entry.said.items())
        yield f"  {instant(entry.recorded_at)}  {entry.type}{_codes(entry)}  {_who(entry)}  {said}".rstrip()
        yield from attached(entry.attachments)
    yield "why it went there"
    for explained in why.reports:
        yield from (f"  {sentence}" for sentence in explained.words.get(lang, explained.words.get("en", ())))


def marks(item: IncidentItem) -> list[str]:
    """What stands beside the state."""
    told = [
        ("supervised", item.supervised),
        (f"urged {item.urged_count}×", item.urged_count),
        (f"waits:{item.waiting.waiting_for}" if item.waiting else "", item.waiting),
        ("asks-for-time", item.extension_asked_for),
        (f"suggested:{item.suggested_owner}", item.suggested_owner),
        (f"round {item.cycle}", item.cycle > 1),
        (f"gathers {item.gathered_count}", item.gathered_count),
        (f"gathered by {item.parent}", item.parent),
        (f"merged into {item.merged_into}", item.merged_into),
        ("unconfirmed", item.unconfirmed),
        ("solved" if item.solved else "not solved", item.solved is not None),
        ("satisfied" if item.satisfied else "not satisfied", item.satisfied is not None),
    ]
    return [words for words, there in told if there]


def _who(entry: TimelineEntry) -> str:
    """The responder that acted, else who sent it in."""
    return str(entry.event.get("responder") or entry.actor)


def _codes(entry: TimelineEntry) -> str:
    """The codes of an event that say what its name does not, as " unit=car-1 state=on_scene"."""
    event = {name: value for name, value in entry.event.items() if (entry.type, name) != ("IncidentClaimed", "lead")}
    found = ((name, event[name]) for name in _SAYING if event.get(name) is not None)
    return "".join(f" {name}={value}" for name, value in found)


def attached(attachments: Iterable[Attachment]) -> Iterator[str]:
    """One line for each; it is read at /api/v1/attachments/<id>."""
    for each in attachments:
        pixels = f", {each.width}×{each.height}" if each.width else ""
        yield f"    + {each.attachment_id}  {each.media_type}, {each.size / 1024:.1f} KiB{pixels}"


def clock(reading: ClockReading | None) -> str:
    """As "claim in 12m", "resolution LATE by 3h", "resolution stands, 2h left", "claim done"; empty without a clock."""
    if reading is None:
        return ""
    if reading.remaining_s is None:
        return f"{reading.name} {'done late' if reading.late else 'done'}"
    span = _span(abs(reading.remaining_s))
    if reading.paused_at is not None:
        return f"{reading.name} stands, {'LATE by ' + span if reading.late else span + ' left'}"
    return f"{reading.name} LATE by {span}" if reading.late else f"{reading.name} in {span}"


def share(reading: ClockReading | None) -> str:
    """What is left of the whole span, as "25 %"; "late" when nothing is."""
    if reading is None or reading.share is None:
        return ""
    return "late" if reading.late else f"{reading.share:.0%}"


def instant(at: datetime) -> str:
    """Local time of this machine, to the second."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def with_whom(item: IncidentItem) -> str:
    if item.holders:
        return ", ".join(item.holders)
    return "→ " + ", ".join(offer.responder for offer in item.offers if offer.state == "offered")


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, minutes = divmod(rest // 60, 60)
    parts = [f"{days}d" if days else "", f"{hours}h" if hours else "", f"{minutes}m" if minutes and not days else ""]
    return " ".join(part for part in parts if part) or f"{seconds}s"


def letter_story(letter: DeadLetterDetail) -> Iterator[str]:
    """Where a dead letter comes from, what became of it, and what is in it."""
    yield f"{letter.letter_id}  {letter.state}  {letter.reason}"
    yield f"  from {letter.origin}, {instant(letter.at)}"
    if letter.incident_id:
        yield f"  became incident {letter.incident_id}"
    elif letter.report_id:
        yield f"  contradicts report {letter.report_id}"
    if letter.erased_at:
        yield f"  erased {instant(letter.erased_at)}"
    yield from (f"  {name}: {said}" for name, said in letter.headers.items())
    yield f"as it came ({letter.size} bytes)"
    yield from _bytes(letter.raw, letter.text)
    if letter.fixed is not None:
        yield "as it was corrected"
        yield from _bytes(letter.fixed, letter.fixed_text)


def _bytes(raw: bytes, text: str | None) -> Iterator[str]:
    """Text where it is text that a terminal may be shown, else a dump."""
    if text is not None and all(char.isprintable() or char in "\t\n\r" for char in text):
        yield from (f"  {line}" for line in text.splitlines())
        return
    for start in range(0, len(raw), 16):
        row = raw[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"  {start:08x}  {row.hex(' '):<47}  {shown}"


def letter_done(done: DeadLetterOutcome) -> str:
    """One line: what became of it."""
    became = ""
    if done.report is not None:
        became = f"  {'joined ' if done.report.joined else ''}incident {done.report.incident_id}"
    elif done.command is not None:
        became = f"  incident {done.command.incident_id} {done.command.state}"
    elif done.refused is not None:
        became = f"  refused: {done.refused}"
    return f"{done.letter_id}  {done.state}{became}{'  (was so before)' if done.repeated else ''}"
