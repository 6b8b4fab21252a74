"""Answers of the API as a person at a terminal reads them."""

from collections.abc import Iterator
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from schemas.reports import ReportAnswer
from schemas.views import ClockReading, IncidentDetail, IncidentExplanation, IncidentItem, IncidentList, Timeline

_NOTHING = "-"


def report_taken(answer: ReportAnswer) -> Iterator[str]:
    """Where the report went, by when it must be claimed, and what was set aside."""
    verb = "joined, with" if answer.joined else f"{answer.state} to"
    yield f"{answer.incident_id}  {verb} {', '.join(answer.offers)}  ({answer.category or 'no category'})"
    if answer.claim_due_at:
        yield f"  claim by {instant(answer.claim_due_at)}"
    if answer.resolution_due_at:
        yield f"  solve by {instant(answer.resolution_due_at)}"
    yield from (f"  ! {line}" for line in (*answer.reasons, *answer.warnings))


def queue_table(page: IncidentList) -> Table:
    whole = ("incident", "prio", "state")
    folded = ("category", "with", "clock")
    columns = [*(Column(name, no_wrap=True) for name in whole), *(Column(name, overflow="fold") for name in folded)]
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for item in page.items:
        late = item.clock is not None and item.clock.late
        cells = (item.incident_id, item.priority, item.state, item.category, _with(item), clock(item.clock))
        table.add_row(*(cell or _NOTHING for cell in cells), style="bold" if late else None)
    return table


def incident_story(detail: IncidentDetail, timeline: Timeline, why: IncidentExplanation, lang: str) -> Iterator[str]:
    """State, clocks, voices, what happened, and why it went there."""
    yield f"{detail.incident_id}  {detail.priority}  {detail.state}  {detail.category or 'no category'}"
    yield f"  with {_with(detail)}"
    yield from (f"  {clock(reading)}" for reading in detail.clocks)
    for voice in detail.voices:
        yield f"  [{voice.source}] {voice.text or _NOTHING}  {voice.place or ''}".rstrip()
    yield "what happened"
    for entry in timeline.entries:
        said = "  ".join(f"{name}: {text}" for name, text in entry.said.items())
        yield f"  {instant(entry.recorded_at)}  {entry.type}  {entry.actor}  {said}".rstrip()
    yield "why it went there"
    for explained in why.reports:
        yield from (f"  {sentence}" for sentence in explained.words.get(lang, explained.words.get("en", ())))


def clock(reading: ClockReading | None) -> str:
    """As "claim in 12m", "resolution LATE by 3h", "claim done"; empty without a clock."""
    if reading is None:
        return ""
    if reading.remaining_s is None:
        return f"{reading.name} {'done late' if reading.late else 'done'}"
    span = _span(abs(reading.remaining_s))
    return f"{reading.name} LATE by {span}" if reading.late else f"{reading.name} in {span}"


def instant(at: datetime) -> str:
    """Local time of this machine, to the second."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def _with(item: IncidentItem) -> str:
    if item.holders:
        return ", ".join(item.holders)
    return "→ " + ", ".join(offer.responder for offer in item.offers if offer.state == "offered")


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, minutes = divmod(rest // 60, 60)
    parts = [f"{days}d" if days else "", f"{hours}h" if hours else "", f"{minutes}m" if minutes and not days else ""]
    return " ".join(part for part in parts if part) or f"{seconds}s"
