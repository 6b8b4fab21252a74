"""What happened to one incident, in commit order, with what was said."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from dispatcher.store import Body
from schemas.events import JournalRow
from schemas.views import Timeline, TimelineEntry

_said = msgspec.json.Decoder(dict[str, str])


def body_refs(rows: Iterable[JournalRow]) -> list[str]:
    """Where the free texts of these rows lie."""
    refs = (getattr(event, "body_ref", None) for row in rows for event in row.events)
    return [ref for ref in refs if ref is not None]


def timeline(incident_id: str, rows: Iterable[JournalRow], said: Mapping[str, Body]) -> Timeline:
    """`said`: the bodies under `body_refs`, as far as they are not erased."""
    entries = [
        _entry(row, n, msgspec.to_builtins(event, builtin_types=(datetime,)), said)
        for row in rows
        for n, event in enumerate(row.events)
    ]
    return Timeline(incident_id=incident_id, entries=tuple(entries))


def _entry(row: JournalRow, n: int, event: dict[str, object], said: Mapping[str, Body]) -> TimelineEntry:
    kind, body = str(event.pop("type")), said.get(str(event.pop("body_ref", "")))
    return TimelineEntry(
        seq=row.seq,
        n=n,
        type=kind,
        recorded_at=row.at,
        actor=row.actor,
        event=event,
        said=_said.decode(body.doc) if body is not None and body.doc else {},
    )
