"""`queue`: one narrow row per incident, all that lists, counts and the search look at; written with the incident.

A scan over the open ones costs 0.3 µs a row, whatever is asked: order by a share that every second changes, words
anywhere in the text. No index could do either, and the one this table replaces would cost more to keep.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from dispatcher.store import journal, tables
from dispatcher.store.bodies import body_refs, read_bodies
from dispatcher.store.changes import Changes, NewBody
from dispatcher.store.dialect import LONGEST_WORDS, Dialect, Row
from dispatcher.store.instants import to_us
from dispatcher.store.texts import code, folded
from schemas.incidents import OPEN_STATES, Clock, Incident

OPEN: Final = frozenset(OPEN_STATES)
NOT_OPEN: Final = ""


class _Told(Struct, gc=False):
    """What a search looks at in a report."""

    text: str | None = None
    place: str | None = None


_incident = msgspec.json.Decoder(Incident).decode
_told = msgspec.json.Decoder(_Told).decode
_said = msgspec.json.Decoder(dict[str, object]).decode


def urgent_clock(clocks: Iterable[Clock]) -> Clock | None:
    """The running clock that is due first; the time to confirm presses nobody."""
    first: Clock | None = None
    for clock in clocks:
        runs = clock.stopped_at is None and clock.paused_at is None and clock.name != "confirm"
        if runs and (first is None or clock.due_at < first.due_at):
            first = clock
    return first


def rank_of(incident: Incident) -> str:
    """Its priority while it is open, then NOT_OPEN."""
    return incident.priority if incident.state in OPEN else NOT_OPEN


def queue_row(incident: Incident, words: str) -> Row:
    """In the order of the table's columns."""
    clock = urgent_clock(incident.clocks)
    return (
        incident.jurisdiction,
        rank_of(incident),
        incident.id,
        incident.state,
        None if clock is None else to_us(clock.started_at),
        None if clock is None else to_us(clock.due_at),
        incident.category,
        code(incident.area),
        incident.cell,
        incident.place_key,
        words,
    )


def words_of(kind: str, doc: bytes) -> str:
    """What a search finds in a body, folded: text and place of a report, all that a responder said."""
    if not doc:
        return ""
    if kind == "report":
        told = _told(doc)
        parts: Iterable[object] = (told.text, told.place)
    else:
        parts = _said(doc).values()
    return folded("\n".join(part for part in parts if isinstance(part, str)))[:LONGEST_WORDS]


def save_queue(connection: Connection, dialect: Dialect, changes: Changes, before: Mapping[str, Incident]) -> None:
    """Rows of what was opened; of what changed, only what differs."""
    words = _words_by_incident(changes.bodies)
    if changes.opened:
        opened = [queue_row(new.incident, words.get(new.incident.id, "")) for new in changes.opened]
        dialect.insert(connection, tables.queue, opened)
    changed: list[Row] = []
    for change in changes.changed:
        incident = change.incident
        was, now = queue_row(before[incident.id], ""), queue_row(incident, words.get(incident.id, ""))
        if was != now:
            changed.append((*now[1:2], *now[3:], *was[:3]))
    if changed:
        dialect.update_queue(connection, changed)


def forget_words(connection: Connection, dialect: Dialect, incident_ids: Iterable[str]) -> None:
    """The search finds in these incidents only what is still kept; call it after bodies were erased."""
    statement = "UPDATE queue SET words = ? WHERE jurisdiction = ? AND rank = ? AND incident_id = ?"
    docs = select(tables.incidents.c.doc).where(tables.incidents.c.id.in_(list(incident_ids)))
    for doc in connection.execute(docs).scalars().all():
        incident = _incident(doc)
        rows = journal.read(connection, select(tables.journal).where(tables.journal.c.incident_id == incident.id))
        if rows:
            refs = body_refs(event for row in rows for event in row.events)
            kept = read_bodies(connection, refs).values()
            words = joined_words(words_of(body.kind, body.doc) for body in kept)
            question = statement.replace("?", dialect.placeholder)
            connection.exec_driver_sql(question, (words, incident.jurisdiction, rank_of(incident), incident.id))


def joined_words(parts: Iterable[str]) -> str:
    """One line each, until they are many."""
    words = ""
    for part in parts:
        if part and len(words) < LONGEST_WORDS:
            words += part + "\n"
    return words


def _words_by_incident(bodies: Sequence[NewBody]) -> dict[str, str]:
    told: dict[str, list[str]] = {}
    for body in bodies:
        told.setdefault(body.incident_id, []).append(words_of(body.kind, body.doc))
    return {incident_id: joined_words(parts) for incident_id, parts in told.items()}
