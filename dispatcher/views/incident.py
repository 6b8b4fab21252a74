"""One incident: its state, its clocks and every voice, without the reporters."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from dispatcher.store.attachments import Came, attachments_of
from dispatcher.store.journal import read as read_journal
from dispatcher.store.tables import incidents, journal
from dispatcher.views.moves import moves_of, undo_of
from dispatcher.views.readings import item_fields
from dispatcher.views.report_bodies import report_bodies
from dispatcher.views.standing import pauses_of
from schemas.events import DuplicateAttached, DuplicateDetached, JournalRow, ReportReceived, RoutingDecided
from schemas.incidents import Incident
from schemas.reports import Report
from schemas.views import IncidentDetail, Voice

_incident = msgspec.json.Decoder(Incident)


def incident_of(connection: Connection, incident_id: str) -> Incident | None:
    """State of the incident as last committed."""
    return incidents_of(connection, [incident_id]).get(incident_id)


def incidents_of(connection: Connection, incident_ids: Collection[str]) -> dict[str, Incident]:
    """States as last committed, by id; unknown ones are absent."""
    if not incident_ids:
        return {}
    docs = connection.execute(select(incidents.c.doc).where(incidents.c.id.in_(incident_ids))).scalars()
    return {incident.id: incident for incident in map(_incident.decode, docs)}


def detail(connection: Connection, incident: Incident, rows: Sequence[JournalRow], now: datetime) -> IncidentDetail:
    """`rows`: the incident's journal, at least up to its seq."""
    arrivals = [*_arrivals(rows), *_arrivals(_rows_of_duplicates(connection, incident, now))]
    told = report_bodies(connection, [decided.report_id for _, decided in arrivals])
    undo = undo_of(incident, rows, now)
    return IncidentDetail(
        **item_fields(incident, told.get(incident.report_id), now),  # type: ignore[arg-type]
        rule=incident.rule,
        bundle=incident.bundle,
        tags=incident.tags,
        crew_sent=incident.crew_sent,
        pauses=pauses_of(incident),
        units=incident.units,
        moves=moves_of(incident, undo),
        undo_until=undo.until if undo else None,
        voices=_voices(arrivals, told, attachments_of(connection, [decided.report_id for _, decided in arrivals])),
        as_of=now,
    )


def _rows_of_duplicates(connection: Connection, incident: Incident, now: datetime) -> list[JournalRow]:
    """Journals of all that were merged into it, and into those."""
    rows: list[JournalRow] = []
    asked, wanted = {incident.id}, {each.incident_id for each in incident.duplicates}
    while wanted:
        some = select(journal).where(journal.c.incident_id.in_(wanted)).order_by(journal.c.incident_id, journal.c.seq)
        found = [row for row in read_journal(connection, some) if row.at <= now]
        rows, asked = rows + found, asked | wanted
        wanted = _merged(found) - asked
    return rows


def _merged(rows: Iterable[JournalRow]) -> set[str]:
    """What these rows merged into their incidents and did not take out again."""
    merged: set[str] = set()
    for row in rows:
        for event in row.events:
            if isinstance(event, DuplicateAttached):
                merged.add(event.duplicate)
            elif isinstance(event, DuplicateDetached):
                merged.discard(event.duplicate)
    return merged


def _arrivals(rows: Iterable[JournalRow]) -> Iterable[tuple[ReportReceived, RoutingDecided]]:
    for row in rows:
        received = {event.report_id: event for event in row.events if isinstance(event, ReportReceived)}
        for event in row.events:
            if isinstance(event, RoutingDecided):
                yield received[event.report_id], event


def _voices(
    arrivals: Iterable[tuple[ReportReceived, RoutingDecided]], told: Mapping[str, Report], came: Came
) -> tuple[Voice, ...]:
    return tuple(_voice(received, decided, told.get(decided.report_id), came) for received, decided in arrivals)


def _voice(received: ReportReceived, decided: RoutingDecided, report: Report | None, came: Came) -> Voice:
    return Voice(
        report_id=decided.report_id,
        incident_id=decided.incident_id,
        source=received.source,
        source_id=report.source_id if report else None,
        channel=received.channel,
        joined=decided.joined,
        text=report.text if report else None,
        place=report.place if report else None,
        location=report.location if report else None,
        area=decided.facts.area,
        category=decided.facts.category,
        received_at=received.received_at,
        reported_at=decided.facts.reported_at,
        warnings=decided.facts.warnings,
        attachments=tuple(came[each] for each in received.attachments if each in came),
        erased=report is None,
    )
