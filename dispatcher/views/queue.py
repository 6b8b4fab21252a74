"""Which incidents there are: the open ones by urgency, then the newest of the rest.

Urgent = by priority, then by the share that is left of the running clock, the least first: what is overdue comes first,
what has no clock last. A cursor holds the moment of its first page and every later page shows that moment, so that what
comes in or changes meanwhile neither repeats nor hides a row.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    and_,
    case,
    cast,
    func,
    select,
    tuple_,
    type_coerce,
)

from dispatcher.store.instants import EPOCH, from_us, to_us
from dispatcher.store.queue_rows import NOT_OPEN, OPEN, urgent_clock
from dispatcher.store.tables import queue
from dispatcher.views.asked import Asked, fitting, ranks, wanted
from dispatcher.views.incident import incidents_of
from dispatcher.views.moment import Moment, Since, since
from dispatcher.views.readings import item_of
from dispatcher.views.report_bodies import report_bodies
from schemas.incidents import Incident
from schemas.views import IncidentList

_NO_CLOCK: Final = 1e300
_SHORTEST_US: Final = 1_000_000  # a clock that was due before it started has no share
_LAST_US: Final = to_us(datetime.max.replace(tzinfo=EPOCH.tzinfo))
_Key = Annotated[str, Meta(pattern=r"^[0-9A-Z]{1,26}\Z")]
_AtUs = Annotated[int, Meta(ge=0, le=_LAST_US)]
_Position = Annotated[int, Meta(ge=0, lt=1 << 62)]


class BadCursor(ValueError):
    """The cursor was not made by this list."""


class _Open(Struct, frozen=True, array_like=True, order=True, tag="o"):
    """Where an open incident stands; `late` 0 = it is, where late ones go before all others."""

    late: Annotated[int, Meta(ge=0, le=1)]
    priority: _Key
    share: float
    id: _Key


class _Rest(Struct, frozen=True, array_like=True, tag="r"):
    """Where one of the rest stands."""

    id: _Key


class _Cursor(Struct, frozen=True, array_like=True):
    at_us: _AtUs
    position: _Position
    after: _Open | _Rest


_cursor = msgspec.json.Decoder(_Cursor)
_T = TypeVar("_T")
_Found = tuple[_T, Incident | None]  # None = the incident as it is stored


class _Page:
    """One page at one moment."""

    def __init__(self, connection: Connection, asked: Asked, moment: Moment, later: Since) -> None:
        self._connection = connection
        self._asked = asked
        self._at_us = to_us(moment.at)
        self._in_rank = (_share(self._at_us), queue.c.incident_id)
        self._later = later
        changed = fitting(connection, asked, later.before)
        self._open = {_key(it, self._at_us, asked): it for it in changed if it.state in OPEN}
        self._rest = {it.id: it for it in changed if it.state not in OPEN}

    def open(self, after: _Open | None, count: int) -> list[_Found[_Open]]:
        """The next open ones in order."""
        states = [state for state in self._asked.states if state in OPEN]
        if not states:
            return []
        test = and_(wanted(self._asked, states), *self._unchanged())
        stored = (
            self._sorted(test, after, count)
            if self._asked.late_first or self._asked.q
            else self._by_rank(test, after, count)
        )
        changed = [(key, it) for key, it in self._open.items() if after is None or key > after]
        return sorted([*stored, *changed], key=lambda row: row[0])[:count]

    def _sorted(self, test: ColumnElement[bool], after: _Open | None, count: int) -> list[_Found[_Open]]:
        """All in one scan, for what finds few or puts late ones first."""
        late = type_coerce(queue.c.clock_due_at, BigInteger) < self._at_us
        first = case((late, 0), else_=int(self._asked.late_first))
        key = (first, queue.c.rank, *self._in_rank)
        open_ranks = [rank for rank in ranks(self._connection, self._asked.jurisdiction) if rank != NOT_OPEN]
        rows = select(*key).where(test, queue.c.rank.in_(open_ranks)).order_by(*key).limit(count)
        if after is not None:
            rows = rows.where(tuple_(*key) > tuple_(after.late, after.priority, after.share, after.id))
        return [(_Open(*row), None) for row in self._connection.execute(rows)]

    def _by_rank(self, test: ColumnElement[bool], after: _Open | None, count: int) -> list[_Found[_Open]]:
        """Rank by rank, until the page is full: what is not urgent is mostly never looked at."""
        found: list[_Found[_Open]] = []
        for rank in ranks(self._connection, self._asked.jurisdiction):
            if len(found) >= count or rank == NOT_OPEN or (after is not None and rank < after.priority):
                continue
            key = self._in_rank
            rows = select(*key).where(test, queue.c.rank == rank).order_by(*key).limit(count - len(found))
            if after is not None and rank == after.priority:
                rows = rows.where(tuple_(*key) > tuple_(after.share, after.id))
            found += [(_Open(0, rank, *row), None) for row in self._connection.execute(rows)]
        return found

    def rest(self, after: _Rest | None, count: int) -> list[_Found[_Rest]]:
        """The next of the others, newest first."""
        states = [state for state in self._asked.states if state not in OPEN]
        if not states or count < 1:
            return []
        key = queue.c.incident_id
        test = and_(wanted(self._asked, states), *self._unchanged())
        rows = select(key).where(test, queue.c.rank == NOT_OPEN).order_by(key.desc())
        if after is not None:
            rows = rows.where(key < after.id)
        stored = [(_Rest(row[0]), None) for row in self._connection.execute(rows.limit(count))]
        changed = [(_Rest(name), it) for name, it in self._rest.items() if after is None or name < after.id]
        return sorted([*stored, *changed], key=lambda row: row[0].id, reverse=True)[:count]

    def _unchanged(self) -> list[ColumnElement[bool]]:
        return self._later.unchanged(queue.c.incident_id)


def page(connection: Connection, asked: Asked, moment: Moment, *, cursor: str | None, limit: int) -> IncidentList:
    """At most `limit` incidents as they stood at `moment`, or at the cursor's. Raises BadCursor and TooFarBack."""
    after: _Open | _Rest | None = None
    if cursor is not None:
        read = _read(cursor)
        moment, after = Moment(from_us(read.at_us), read.position), read.after
    rows = _rows(_Page(connection, asked, moment, since(connection, asked.jurisdiction, moment)), after, limit + 1)
    shown = _stored(connection, rows[:limit])
    firsts = report_bodies(connection, [incident.report_id for incident in shown])
    return IncidentList(
        items=tuple(item_of(incident, firsts.get(incident.report_id), moment.at) for incident in shown),
        next_cursor=_write(moment, rows[limit - 1][0]) if len(rows) > limit else None,
        as_of=moment.at,
    )


def _rows(found: _Page, after: _Open | _Rest | None, count: int) -> Sequence[_Found[_Open | _Rest]]:
    if isinstance(after, _Rest):
        return found.rest(after, count)
    rows = found.open(after, count)
    return [*rows, *found.rest(None, count - len(rows))]


def _stored(connection: Connection, rows: Sequence[_Found[_Open | _Rest]]) -> list[Incident]:
    stored = incidents_of(connection, [key.id for key, incident in rows if incident is None])
    return [incident or stored[key.id] for key, incident in rows]


def _share(at_us: int) -> ColumnElement[float]:
    """As `_key` computes it; both dialects and Python divide alike, so that pages meet without a gap."""
    started, due = (type_coerce(each, BigInteger) for each in (queue.c.clock_started_at, queue.c.clock_due_at))
    length = case((due - started > _SHORTEST_US, due - started), else_=_SHORTEST_US)
    return func.coalesce(cast(due - at_us, Double) / cast(length, Double), _NO_CLOCK)


def _key(incident: Incident, at_us: int, asked: Asked) -> _Open:
    clock = urgent_clock(incident.clocks)
    if clock is None:
        return _Open(int(asked.late_first), incident.priority, _NO_CLOCK, incident.id)
    started, due = to_us(clock.started_at), to_us(clock.due_at)
    share = float(due - at_us) / float(max(due - started, _SHORTEST_US))
    return _Open(int(asked.late_first and share >= 0), incident.priority, share, incident.id)


def _write(moment: Moment, after: _Open | _Rest) -> str:
    cursor = _Cursor(to_us(moment.at), moment.position, after)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _read(cursor: str) -> _Cursor:
    try:
        return _cursor.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursor("this cursor was not made by this list") from error
