"""What else there is, or was lately, around an incident."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, or_, select

from dispatcher.store.queue_rows import NOT_OPEN
from dispatcher.store.tables import bodies, queue
from dispatcher.views.related import SHOWN, Point, Subject, Weighed, candidates, shown, spots, weigh
from schemas.ids import first_since
from schemas.incidents import Incident
from schemas.views import RelatedIncidents

WITHIN_M: Final = 200
FARTHEST_M: Final = 5_000
DAYS: Final = 30


def nearby(connection: Connection, incident: Incident, now: datetime, *, within_m: int, days: int) -> RelatedIncidents:
    """Open ones, and others of the last `days`, within so many metres or at the same place; the nearest first."""
    since = now - timedelta(days=days)
    subject = Subject(
        jurisdiction=incident.jurisdiction,
        category=incident.category,
        point=_point_of(connection, incident),
        place_key=incident.place_key,
        incident_id=incident.id,
    )
    found: list[Weighed] = []
    if where := spots(subject, within_m):
        around = candidates(connection, subject, queue.c.rank > NOT_OPEN, or_(*where))
        lately = candidates(
            connection, subject, queue.c.rank == NOT_OPEN, queue.c.incident_id >= first_since(since), or_(*where)
        )
        found = [weigh(subject, other, within_m) for other in (*around, *lately)]
    close = [it for it in found if {"near", "same-place"} & {*it.reasons}]
    close.sort(key=lambda it: (0 if it.distance_m is None else it.distance_m, it.incident_id))
    return RelatedIncidents(items=shown(connection, close[:SHOWN]), within_m=within_m, since=since, as_of=now)


def _point_of(connection: Connection, incident: Incident) -> Point | None:
    rows = select(bodies.c.lat, bodies.c.lon).where(bodies.c.ref == incident.report_id, bodies.c.lat.is_not(None))
    found = connection.execute(rows).one_or_none()
    return None if found is None else (found.lat, found.lon)
