"""Is it known already? Open incidents that a report, while it is being typed, may be another voice of."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, or_

from dispatcher.store.queue_rows import NOT_OPEN
from dispatcher.store.tables import queue
from dispatcher.views.related import SHOWN, Subject, candidates, kindred, shown, spots, weigh
from schemas.views import RelatedIncidents

WITHIN_M: Final = 300
_LEAST: Final = 0.4  # of a score, to be worth a glance
_TELLING: Final = {"near", "same-place", "alike"}  # of the same kind alone are too many


def similar(connection: Connection, subject: Subject, now: datetime) -> RelatedIncidents:
    """Of the same or a kindred category; those without a place are compared by their text."""
    tests = [queue.c.rank > NOT_OPEN, *kindred(subject.category)]
    if where := spots(subject, WITHIN_M):
        tests.append(or_(*where, and_(queue.c.cell.is_(None), queue.c.place_key.is_(None))))
    weighed = [weigh(subject, other, WITHIN_M) for other in candidates(connection, subject, *tests)]
    told = [it for it in weighed if it.score >= _LEAST and _TELLING & {*it.reasons}]
    likely = sorted(told, key=lambda it: (-it.score, it.incident_id))
    return RelatedIncidents(items=shown(connection, likely[:SHOWN]), within_m=WITHIN_M, since=None, as_of=now)
