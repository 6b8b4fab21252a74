"""Writes one batch: struct by struct into table rows, table by table, the journal last."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Table

from dispatcher.store import attachments, journal, letters, tables
from dispatcher.store.bundles import save_bundle
from dispatcher.store.changes import ChangedIncident, Changes, NewBody, NewCommand, NewIncident, NewLetter, NewReport
from dispatcher.store.dialect import Dialect, Row
from dispatcher.store.erasing import erase
from dispatcher.store.errors import Conflict
from dispatcher.store.instants import maybe_us, to_us
from dispatcher.store.queue_rows import save_queue
from dispatcher.store.texts import code, readable, storable
from schemas.incidents import Incident

_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


def save(connection: Connection, dialect: Dialect, changes: Changes, before: Mapping[str, Incident]) -> None:
    """Write `changes`; `before` holds the changed incidents as they were. Raises Conflict when somebody was faster.

    Reports go first and by key: a race for a key shows before work is done, and two writers meet their keys in one
    order. After the journal lock nothing else is locked.
    """

    def insert(table: Table, items: Sequence[T], row: Callable[[T], Row]) -> None:
        if items:
            dialect.insert(connection, table, [row(item) for item in items])

    insert(tables.reports, sorted(changes.reports, key=lambda report: report.key), report_row)
    insert(tables.commands, changes.commands, command_row)
    insert(tables.letters, changes.letters, letter_row)
    insert(tables.bodies, changes.bodies, body_row)
    insert(tables.attachments, changes.attachments, attachments.attachment_row)
    if changes.bound:
        attachments.bind(connection, changes.bound)
    if changes.changed_letters:
        letters.update(connection, dialect, changes.changed_letters)
    for erasure in changes.erasures:
        erase(connection, dialect, erasure)
    insert(tables.incidents, changes.opened, incident_row)
    if changes.changed:
        _update(connection, dialect, changes.changed)
    save_queue(connection, dialect, changes, before)
    _save_parties(connection, dialect, changes, before)
    for bundle in changes.bundles:
        save_bundle(connection, dialect, bundle)
    if changes.journal:
        journal.append(connection, dialect, changes.journal)


def report_row(new: NewReport) -> Row:
    return (new.key, new.jurisdiction, new.content_hash, new.report_id, new.incident_id, new.seq, to_us(new.at))


def command_row(new: NewCommand) -> Row:
    return (
        code(new.sender),
        code(new.command_id),
        new.jurisdiction,
        new.digest,
        new.incident_id,
        new.answer,
        to_us(new.at),
    )


def body_row(new: NewBody) -> Row:
    text = readable(new.text) if new.text else None
    return (new.ref, new.jurisdiction, new.incident_id, new.kind, to_us(new.at), new.lat, new.lon, text, new.doc)


def letter_row(new: NewLetter) -> Row:
    """Whatever came in: a dead letter must never fail for what it says."""
    headers = {storable(name): storable(value) for name, value in new.headers.items()}
    return (
        new.letter_id,
        new.jurisdiction,
        new.content_hash,
        storable(new.origin),
        storable(new.reason),
        new.raw,
        _encode(headers),
        to_us(new.at),
        "open",
        None,
        new.report_id,
        *(None,) * 4,
    )


def incident_row(new: NewIncident) -> Row:
    incident = new.incident
    return (
        incident.id,
        incident.jurisdiction,
        incident.seq,
        incident.state,
        incident.category,
        incident.owner,
        incident.rule,
        incident.report_id,
        to_us(incident.opened_at),
        to_us(incident.reported_at),
        maybe_us(new.due_at),
        *_findable_by(incident),
        _encode(incident),
    )


def _changed_row(new: ChangedIncident) -> Row:
    """In the order of `dialect.CHANGED`, then id and expected seq."""
    incident = new.incident
    return (
        incident.seq,
        incident.state,
        incident.category,
        incident.owner,
        incident.rule,
        maybe_us(new.due_at),
        *_findable_by(incident),
        _encode(incident),
        incident.id,
        new.expected_seq,
    )


def _findable_by(incident: Incident) -> tuple[str | None, str | None]:
    """Cell and place key of what later reports may join."""
    return (incident.cell, incident.place_key) if incident.joinable else (None, None)


def _update(connection: Connection, dialect: Dialect, changed: Sequence[ChangedIncident]) -> None:
    found = dialect.update_incidents(connection, [_changed_row(change) for change in changed])
    if found != len(changed):
        raise Conflict(f"{len(changed) - found} of {len(changed)} incidents have moved on since they were read")


def parties_of(incident: Incident) -> set[Row]:
    """Rows of `parties`: everybody to whom it was offered in this cycle, and those who get a copy."""
    roles = {**dict.fromkeys(incident.copies, "copy"), **{offer.responder: offer.state for offer in incident.offers}}
    return {(incident.jurisdiction, responder, incident.state, incident.id, role) for responder, role in roles.items()}


def _save_parties(connection: Connection, dialect: Dialect, changes: Changes, before: Mapping[str, Incident]) -> None:
    """Only what differs: rows that went are deleted, rows that came are inserted."""
    came = [row for new in changes.opened for row in parties_of(new.incident)]
    went: list[Row] = []
    for change in changes.changed:
        then, now = parties_of(before[change.incident.id]), parties_of(change.incident)
        went += [row[:4] for row in then - now]
        came += now - then
    if went:
        dialect.delete_parties(connection, went)
    if came:
        dialect.insert(connection, tables.parties, sorted(came))
