"""What stands in a database after a replay, read from its journal and bodies, not from the driver's counters."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import func, select

from dispatcher.store import Store, tables
from schemas.events import ClockBreached, JournalRow, RoutingDecided

_PAGE: Final = 1000


class OurCase(NamedTuple):
    """One report: its incident, to whom it went, by when, and whether it joined an incident that was there."""

    incident_id: str
    owner: str
    due_at: datetime | None
    joined: bool


class Breach(NamedTuple):
    clock: str
    due_at: datetime


class Replayed(NamedTuple):
    """`cases` by source_id, `breaches` by incident; `reports_count` = reports in the journal, repeated ids too."""

    cases: dict[str, OurCase]
    breaches: dict[str, list[Breach]]
    reports_count: int
    broken_at: int | None


class _SourceId(msgspec.Struct):
    source_id: str


def read_replayed(database: Path) -> Replayed:
    store = Store.open(f"sqlite:///{database}", exclusive=False)
    try:
        source_ids = _source_ids(store)
        cases: dict[str, OurCase] = {}
        breaches: dict[str, list[Breach]] = defaultdict(list)
        reports_count = 0
        for row in _journal(store):
            for event in row.events:
                if isinstance(event, RoutingDecided):
                    reports_count += 1
                    cases[source_ids[event.report_id]] = _case(event)
                elif isinstance(event, ClockBreached):
                    breaches[row.incident_id or ""].append(Breach(event.clock, event.due_at))
        return Replayed(cases, dict(breaches), reports_count, store.verify_journal())
    finally:
        store.close()


def fingerprint(database: Path) -> dict[str, object]:
    """Rows of every table, and the journal's last link, which covers all before it."""
    store = Store.open(f"sqlite:///{database}", exclusive=False)
    try:
        with store.reading() as connection:
            counted: dict[str, object] = {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables.metadata.sorted_tables
            }
            newest = select(tables.journal).order_by(tables.journal.c.position.desc()).limit(1)
            return counted | {"newest": tuple(connection.execute(newest).one())}
    finally:
        store.close()


def _case(event: RoutingDecided) -> OurCase:
    decision = event.decision
    return OurCase(event.incident_id, decision.owner, decision.resolution_due_at, event.joined)


def _source_ids(store: Store) -> dict[str, str]:
    """By report id."""
    bodies, decode = tables.bodies.c, msgspec.json.Decoder(_SourceId).decode
    with store.reading() as connection:
        rows = connection.execute(select(bodies.ref, bodies.doc).where(bodies.kind == "report"))
        return {ref: decode(doc).source_id for ref, doc in rows}


def _journal(store: Store) -> Iterator[JournalRow]:
    position = 0
    while rows := store.journal_after(position, _PAGE):
        yield from rows
        position = rows[-1].position
