"""What happened to one incident, in commit order, with what was said."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from dispatcher.store import Body
from dispatcher.store.attachments import Came
from schemas.events import AttachmentsAdded, JournalRow
from schemas.views import Timeline, TimelineEntry

_said = msgspec.json.Decoder(dict[str, str])


def body_refs(rows: Iterable[JournalRow]) -> list[str]:
    """Where the free texts of these rows lie."""
    refs = (getattr(event, "body_ref", None) for row in rows for event in row.events)
    return [ref for ref in refs if ref is not None]


def timeline(incident_id: str, rows: Iterable[JournalRow], said: Mapping[str, Body], came: Came) -> Timeline:
    """`said`, `came`: the bodies under `body_refs` and what came with them, as far as they are not erased."""
    entries: list[TimelineEntry] = []
    told: set[str] = set()
    for row in rows:
        for n, event in enumerate(row.events):
            ref = getattr(event, "body_ref", None) or ""
            entries.append(_entry(row, n, None if ref in told else said.get(ref), came))
            told.add(ref)
    return Timeline(incident_id=incident_id, entries=tuple(entries))


def _entry(row: JournalRow, n: int, body: Body | None, came: Came) -> TimelineEntry:
    happened = row.events[n]
    named = happened.attachments if isinstance(happened, AttachmentsAdded) else ()
    event: dict[str, object] = msgspec.to_builtins(happened, builtin_types=(datetime,))
    kind, _ = str(event.pop("type")), event.pop("body_ref", None)
    return TimelineEntry(
        seq=row.seq,
        n=n,
        type=kind,
        recorded_at=row.at,
        actor=row.actor,
        event=event,
        said=_said.decode(body.doc) if body is not None and body.doc else {},
        attachments=tuple(came[each] for each in named if each in came),
    )
