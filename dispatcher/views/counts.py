"""How many incidents stand where, and how many of the open ones are late."""

from collections import Counter
from collections.abc import Collection, Mapping

from sqlalchemy import BigInteger, ColumnElement, Connection, case, func, select, type_coerce

from dispatcher.store.instants import to_us
from dispatcher.store.queue_rows import NOT_OPEN, OPEN, urgent_clock
from dispatcher.store.save import parties_of
from dispatcher.store.tables import incidents, parties, queue
from dispatcher.views.asked import HAS
from dispatcher.views.moment import Moment, Since, since
from schemas.incidents import ALL_STATES, Incident
from schemas.views import IncidentCounts, OpenCount, ResponderCount

_Key = tuple[str, ...]


def by_state(connection: Connection, jurisdiction: str) -> dict[str, int]:
    """Incidents by state, from the index alone."""
    return dict(_states(connection, jurisdiction, Since(None)))


def counts(connection: Connection, jurisdiction: str, responders: Collection[str], moment: Moment) -> IncidentCounts:
    """By state all of them, by anything else the open ones. `responders`: who is counted. Raises TooFarBack."""
    later, at_us = since(connection, jurisdiction, moment), to_us(moment.at)
    states = _states(connection, jurisdiction, later)
    states.update(incident.state for incident in later.before)
    found, late = _open(connection, jurisdiction, at_us, later)
    has, has_late = _responders(connection, jurisdiction, responders, at_us, later)
    return IncidentCounts(
        jurisdiction=jurisdiction,
        as_of=moment.at,
        states={state: states[state] for state in ALL_STATES},
        open=OpenCount(count=found.total(), late=late.total()),
        priorities=_by(0, found, late),
        categories=_by(1, found, late),
        responders={
            each: ResponderCount(offered=has[each, "offered"], claimed=has[each, "claimed"], late=has_late[each])
            for each in responders
        },
    )


def _states(connection: Connection, jurisdiction: str, later: Since) -> Counter[str]:
    rows = select(incidents.c.state, func.count()).where(
        incidents.c.jurisdiction == jurisdiction, *later.unchanged(incidents.c.id)
    )
    return Counter({row[0]: row[1] for row in connection.execute(rows.group_by(incidents.c.state))})


def _open(connection: Connection, jurisdiction: str, at_us: int, later: Since) -> tuple[Counter[_Key], Counter[_Key]]:
    """(priority, category) of the open ones, and of the late among them."""
    key = (queue.c.rank, func.coalesce(queue.c.category, ""))
    late = func.sum(case((_is_late(at_us), 1), else_=0))
    rows = select(*key, func.count(), late).where(*_here(jurisdiction), *later.unchanged(queue.c.incident_id))
    found: Counter[_Key] = Counter()
    overdue: Counter[_Key] = Counter()
    for priority, category, count, late_count in connection.execute(rows.group_by(*key)):
        found[priority, category] = count
        overdue[priority, category] = late_count
    for incident in later.before:
        if incident.state in OPEN:
            found[incident.priority, incident.category or ""] += 1
            overdue[incident.priority, incident.category or ""] += _was_late(incident, at_us)
    return found, overdue


def _responders(
    connection: Connection, jurisdiction: str, responders: Collection[str], at_us: int, later: Since
) -> tuple[Counter[_Key], Counter[str]]:
    """(responder, role) of the open ones, and who has how many late."""
    late_ids = select(queue.c.incident_id).where(*_here(jurisdiction), _is_late(at_us))
    late = func.sum(case((parties.c.incident_id.in_(late_ids), 1), else_=0))
    rows = select(parties.c.responder, parties.c.role, func.count(), late).where(
        parties.c.jurisdiction == jurisdiction,
        parties.c.responder.in_(list(responders)),
        parties.c.state.in_(sorted(OPEN)),
        parties.c.role.in_(HAS),
        *later.unchanged(parties.c.incident_id),
    )
    has: Counter[_Key] = Counter()
    overdue: Counter[str] = Counter()
    for responder, role, count, late_count in connection.execute(rows.group_by(parties.c.responder, parties.c.role)):
        has[responder, role] = count
        overdue[responder] += late_count
    for incident in later.before:
        for _, responder, state, _, role in parties_of(incident):
            if state in OPEN and role in HAS:
                has[responder, role] += 1
                overdue[responder] += _was_late(incident, at_us)
    return has, overdue


def _by(part: int, found: Mapping[_Key, int], late: Mapping[_Key, int]) -> dict[str, OpenCount]:
    names = sorted({key[part] for key in found})
    return {
        name: OpenCount(
            count=sum(count for key, count in found.items() if key[part] == name),
            late=sum(count for key, count in late.items() if key[part] == name),
        )
        for name in names
    }


def _here(jurisdiction: str) -> tuple[ColumnElement[bool], ...]:
    return queue.c.jurisdiction == jurisdiction, queue.c.rank > NOT_OPEN


def _is_late(at_us: int) -> ColumnElement[bool]:
    return type_coerce(queue.c.clock_due_at, BigInteger) < at_us


def _was_late(incident: Incident, at_us: int) -> bool:
    clock = urgent_clock(incident.clocks)
    return clock is not None and to_us(clock.due_at) < at_us
