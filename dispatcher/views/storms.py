"""Which open incidents of a kind are so many that they may be a storm."""

from collections import Counter

import msgspec
from sqlalchemy import Connection, select

from dispatcher.core.storms import Standing
from dispatcher.store.queue_rows import NOT_OPEN
from dispatcher.store.tables import bodies, incidents, queue
from dispatcher.views.asked import ranks
from schemas.incidents import Incident

_incident = msgspec.json.Decoder(Incident).decode


def many_of_a_kind(
    connection: Connection, jurisdiction: str, since_id: str, *, at_least: int
) -> dict[str, list[Standing]]:
    """Open, located incidents from this id (that is: moment) on, by category, oldest first; rare kinds are left out."""
    rows = [
        row
        for rank in ranks(connection, jurisdiction)
        if rank != NOT_OPEN  # within one rank the key goes straight to the youngest
        for row in connection.execute(
            select(queue.c.category, queue.c.incident_id).where(
                queue.c.jurisdiction == jurisdiction, queue.c.rank == rank, queue.c.incident_id >= since_id
            )
        )
    ]
    counted = Counter(row[0] for row in rows if row[0] is not None)
    found: dict[str, list[Standing]] = {}
    for category, count in sorted(counted.items()):
        if count >= at_least:
            found[category] = _standing(connection, [row[1] for row in rows if row[0] == category])
    return found


def _standing(connection: Connection, incident_ids: list[str]) -> list[Standing]:
    first, last = min(incident_ids), max(incident_ids)
    rows = (
        select(incidents.c.id, incidents.c.doc, bodies.c.lat, bodies.c.lon)
        .join(bodies, bodies.c.ref == incidents.c.report_id)
        .where(incidents.c.id >= first, incidents.c.id <= last, bodies.c.lat.is_not(None))
        .order_by(incidents.c.id)
    )
    wanted, found = set(incident_ids), []
    for incident_id, doc, lat, lon in connection.execute(rows):
        if incident_id in wanted:
            incident = _incident(doc)
            found.append(Standing(incident_id, (lat, lon), incident.parent, incident.gathered))
    return found
