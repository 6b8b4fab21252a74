"""The clients' ledger against the database that the killed processes left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from sqlalchemy import func, select

from dispatcher.core import apply_row
from dispatcher.store import Store, tables
from dispatcher.store.files import FileStore
from schemas import events as ev
from schemas.incidents import Incident
from tests.integration.crash.ledger import Answer, Json, Ledger


@dataclass
class Found:
    """What the journal says, indexed once."""

    rows: list[ev.JournalRow]
    incidents: dict[str, Incident] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    decided: dict[str, list[ev.RoutingDecided]] = field(default_factory=dict)
    claims: dict[str, list[ev.IncidentClaimed]] = field(default_factory=dict)
    leads: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    resolved: Counter[tuple[str, int]] = field(default_factory=Counter)
    breaches: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    early: list[ev.ClockBreached] = field(default_factory=list)
    letters: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)


def read(store: Store) -> Found:
    """Fold the journal; raises AssertionError where a row does not follow the one before it."""
    found = Found(list(_all_rows(store)))
    for row in found.rows:
        if row.incident_id is None:
            found.letters.update(event.letter_id for event in row.events if isinstance(event, ev.DeadLettered))
            continue
        found.commands[row.command_id] += 1
        before = found.incidents.get(row.incident_id)
        assert row.seq == (before.seq if before else 0) + 1, row
        after = apply_row(before, row.seq, row.events)
        found.incidents[row.incident_id] = after
        for event in row.events:
            _index(found, row.incident_id, after, event)
    return found


def _index(found: Found, incident_id: str, after: Incident, event: ev.AnyEvent) -> None:
    if isinstance(event, ev.ReportReceived):
        found.received[event.report_id] += 1
        found.keys[event.key] += 1
    elif isinstance(event, ev.RoutingDecided):
        found.decided.setdefault(event.report_id, []).append(event)
    elif isinstance(event, ev.IncidentClaimed):
        found.claims.setdefault(incident_id, []).append(event)
        found.leads[incident_id, after.cycle, after.epoch] += event.lead
    elif isinstance(event, ev.IncidentResolved):
        found.resolved[incident_id, after.cycle] += 1
    elif isinstance(event, ev.ClockBreached):
        found.breaches[incident_id, after.cycle, event.clock] += 1
        if event.fired_at <= event.due_at:
            found.early.append(event)


def faults(store: Store, ledger: Ledger, ended_at: datetime) -> list[str]:
    """Everything that is not as it must be, in words; empty = nothing lost, nothing doubled."""
    found = read(store)
    broken_at = store.verify_journal()
    return [
        *([f"the chain breaks at {broken_at}"] if broken_at is not None else []),
        *_report_faults(store, ledger, found),
        *_conflict_faults(ledger, found),
        *_command_faults(ledger, found),
        *_claim_faults(ledger, found),
        *_resolve_faults(ledger, found),
        *_alarm_faults(store, found, ended_at),
        *state_faults(store, found),
    ]


def _report_faults(store: Store, ledger: Ledger, found: Found) -> Iterator[str]:
    """Each acknowledged report once in {incident, voice}; each answer to it the same, and what the journal says."""
    named: Counter[str] = Counter()
    for key, _, answers in ledger.of_kind("report"):
        if not answers:
            yield f"{key}: asked until the end and never answered"
            continue
        first = answers[0].body
        if any(answer.body != first or answer.status not in {200, 201} for answer in answers):
            yield f"{key}: answers differ: {answers}"
        report_id = str(first.get("report_id"))
        named[report_id] += 1
        decided = found.decided.get(report_id, [])
        if found.received[report_id] != 1 or len(decided) != 1:
            yield f"{key}: received {found.received[report_id]} times, routed {len(decided)} times"
        elif (decided[0].incident_id, decided[0].joined) != (first["incident_id"], first["joined"]):
            yield f"{key}: answered {first['incident_id']}, journalled {decided[0].incident_id}"
        body = store.body(report_id)
        if body is None or msgspec.json.decode(body.doc or b"{}").get("source_id") != key:
            yield f"{key}: its body is not there"
    yield from (f"report {report_id} answers two questions" for report_id, count in named.items() if count > 1)
    yield from (f"key {key} was received {count} times" for key, count in found.keys.items() if count > 1)
    if len(found.received) != len(named):
        yield f"{len(found.received)} reports journalled, {len(named)} acknowledged"


def _conflict_faults(ledger: Ledger, found: Found) -> Iterator[str]:
    told: Counter[str] = Counter()
    for key, _, answers in ledger.of_kind("conflict"):
        (answer,) = answers
        told[str(answer.body.get("letter_id"))] += 1
        if (answer.status, answer.body.get("title")) != (409, "ReportConflict"):
            yield f"{key}: {answer}"
    if told != found.letters:
        yield f"dead letters told {told}, kept {found.letters}"


def _command_faults(ledger: Ledger, found: Found) -> Iterator[str]:
    """An accepted command has one row under its key, a refused one none, however often it was sent.

    A claim by who has it already is accepted and changes nothing.
    """
    for key, question in ledger.asked.items():
        if question["kind"] in {"report", "conflict", "attachment"}:
            continue
        accepted = [answer.status == 200 for answer in ledger.answers.get(key, [])]
        rows_of_its_own = {0, 1} if question["kind"] == "claim" and any(accepted) else {int(any(accepted))}
        if len(accepted) != 1 or found.commands[key] not in rows_of_its_own:
            yield f"{key}: accepted {accepted}, {found.commands[key]} rows in the journal"


def _claim_faults(ledger: Ledger, found: Found) -> Iterator[str]:
    yield from (f"{offering} was won {count} times" for offering, count in found.leads.items() if count > 1)
    for key, question, answers in ledger.of_kind("claim"):
        (answer,) = answers
        if not _claim_holds(question, answer, found.claims.get(question["incident_id"], [])):
            yield f"{key}: {question} got {answer}"


def _claim_holds(question: Json, answer: Answer, claims: list[ev.IncidentClaimed]) -> bool:
    """An accepted claim stands in the journal; a refused one names the winner that stands there, or what is over."""
    if answer.status == 200:
        return any(claim.responder == question["responder"] for claim in claims)
    if answer.body.get("title") == "AlreadyClaimed":
        won = [(claim.responder, claim.at) for claim in claims if claim.lead]
        return won == [(answer.body["holder"], datetime.fromisoformat(answer.body["claimed_at"]))]
    return answer.status == 409 and answer.body.get("title") == "NotAllowedInState"


def file_faults(store: Store, files: FileStore) -> Iterator[str]:
    """A row never stands without its files, whole."""
    with store.reading() as connection:
        rows = connection.execute(select(tables.attachments).where(tables.attachments.c.erased_at.is_(None))).all()
    for row in rows:
        for name in filter(None, (row.sha256, row.thumbnail)):
            content = files.read(name)
            if content is None or sha256(content).hexdigest() != name:
                yield f"{row.attachment_id}: its file {'is not there' if content is None else 'is broken'}"


def attachment_faults(store: Store, ledger: Ledger, files: FileStore) -> Iterator[str]:
    """Each photo once, whole, and with the report that names it."""
    yield from file_faults(store, files)
    keys: dict[str, str] = {}
    for key, _, answers in ledger.of_kind("attachment"):
        if len(answers) != 1 or answers[0].status not in {200, 201}:
            yield f"{key}: answered {answers}"
        keys[str(answers[0].body.get("attachment_id"))] = key
    rows = store.attachments(keys)
    yield from (
        f"{key}: there is no {attachment_id}" for attachment_id, key in keys.items() if attachment_id not in rows
    )
    with store.reading() as connection:
        count = connection.execute(select(func.count()).select_from(tables.attachments)).scalar_one()
    if count != len(keys):
        yield f"{count} attachments kept, {len(keys)} acknowledged"
    for key, question, answers in ledger.of_kind("report"):
        for attachment_id in question["body"].get("attachments", ()):
            row = rows.get(attachment_id)
            if row is None or row.body_ref != answers[0].body.get("report_id"):
                yield f"{key}: {attachment_id} is not with it: {row}"


def _resolve_faults(ledger: Ledger, found: Found) -> Iterator[str]:
    yield from (f"{cycle} was resolved {count} times" for cycle, count in found.resolved.items() if count > 1)
    for key, question, answers in ledger.of_kind("resolve"):
        (answer,) = answers
        done = any(incident_id == question["incident_id"] for incident_id, _ in found.resolved)
        if not done or answer.status not in {200, 409}:
            yield f"{key}: {answer}, resolved: {done}"


def _alarm_faults(store: Store, found: Found, ended_at: datetime) -> Iterator[str]:
    yield from (f"{clock} rang {count} times" for clock, count in found.breaches.items() if count > 1)
    yield from (f"early: {event}" for event in found.early)
    silent = store.due_before(ended_at - timedelta(seconds=2), 10)
    yield from (f"{incident_id} was due {due_at} and never rang" for due_at, incident_id in silent)


def state_faults(store: Store, found: Found) -> Iterator[str]:
    with store.begin() as txn:
        stored = txn.load(set(found.incidents))
    for incident_id, folded in found.incidents.items():
        if stored.get(incident_id) != folded:
            yield f"{incident_id}: stored state is not the fold of its journal"
    counted = sum(store.counts().open_by_state.values())
    alive = sum(incident.state in {"offered", "claimed", "resolved"} for incident in found.incidents.values())
    if counted != alive:
        yield f"{counted} incidents open in the table, {alive} by the journal"


def _all_rows(store: Store) -> Iterator[ev.JournalRow]:
    position = 0
    while rows := store.journal_after(position, 1000):
        yield from rows
        position = rows[-1].position
