"""Which incidents there are: the open ones by priority and the clock due next, then the newest of the rest.

Pages go by key, not by offset: what comes in between two pages neither repeats nor hides a row.
"""

import base64
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, case, func, or_, select, tuple_, type_coerce

from dispatcher.core.lifecycle import OPEN
from dispatcher.store.tables import bodies, incidents, parties
from dispatcher.views.readings import item_of
from dispatcher.views.report_bodies import report_bodies
from schemas.incidents import Incident, State
from schemas.views import IncidentList

ALL_STATES: Final[tuple[State, ...]] = ("offered", "claimed", "resolved", "closed", "cancelled")
ROLES: Final = ("offered", "claimed", "returned", "withdrawn", "copy")
_NEVER: Final = 1 << 62  # sorts after every due instant
_LONGEST_SEARCH: Final = 8  # words
_Key = Annotated[str, Meta(pattern=r"^[0-9A-Z]{1,26}\Z")]

_incident = msgspec.json.Decoder(Incident)


class BadCursor(ValueError):
    """The cursor was not made by this list."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is looked for. `area` is a prefix, `category` a node with all below it, `q` words of the reports' texts.

    `responder` restricts to incidents in which it plays one of `roles`.
    """

    jurisdiction: str
    states: tuple[State, ...] = ALL_STATES
    responder: str | None = None
    roles: tuple[str, ...] = ("offered", "claimed")
    category: str | None = None
    area: str | None = None
    q: str | None = None


class _Open(Struct, frozen=True, array_like=True, tag="o"):
    """Where a page among the open incidents ended."""

    priority: _Key
    due_us: Annotated[int, Meta(ge=0, le=_NEVER)]
    id: _Key


class _Over(Struct, frozen=True, array_like=True, tag="r"):
    """Where a page among the rest ended."""

    id: _Key


_Cursor = _Open | _Over
_cursor: msgspec.json.Decoder[_Cursor] = msgspec.json.Decoder(_Cursor)


def queue(connection: Connection, asked: Asked, now: datetime, *, cursor: str | None, limit: int) -> IncidentList:
    """One page of at most `limit` incidents. Raises BadCursor."""
    after = None if cursor is None else _read(cursor)
    rows: list[tuple[_Cursor, bytes]] = []
    if not isinstance(after, _Over):
        rows += _open_rows(connection, asked, after, limit + 1)
    if len(rows) <= limit:
        after_over = after if isinstance(after, _Over) else None
        rows += _other_rows(connection, asked, after_over, limit + 1 - len(rows))
    page = [_incident.decode(doc) for _, doc in rows[:limit]]
    firsts = report_bodies(connection, [incident.report_id for incident in page])
    return IncidentList(
        items=tuple(item_of(incident, firsts.get(incident.report_id), now) for incident in page),
        next_cursor=_write(rows[limit - 1][0]) if len(rows) > limit else None,
        as_of=now,
    )


def _open_rows(connection: Connection, asked: Asked, after: _Open | None, count: int) -> list[tuple[_Cursor, bytes]]:
    wanted = _wanted(asked, tuple(state for state in asked.states if state in OPEN))
    if wanted is None:
        return []
    due = _due_us()
    key = (incidents.c.priority, due, incidents.c.id)
    rows = select(*key, incidents.c.doc).where(wanted).order_by(*key).limit(count)
    if after is not None:
        rows = rows.where(tuple_(*key) > tuple_(after.priority, after.due_us, after.id))
    return [(_Open(row[0], row[1], row[2]), row[3]) for row in connection.execute(rows)]


def _other_rows(connection: Connection, asked: Asked, after: _Over | None, count: int) -> list[tuple[_Cursor, bytes]]:
    wanted = _wanted(asked, tuple(state for state in asked.states if state not in OPEN))
    if wanted is None:
        return []
    rows = select(incidents.c.id, incidents.c.doc).where(wanted).order_by(incidents.c.id.desc()).limit(count)
    if after is not None:
        rows = rows.where(incidents.c.id < after.id)
    return [(_Over(row[0]), row[1]) for row in connection.execute(rows)]


def _due_us() -> ColumnElement[int]:
    """Due instant of the running clock that is due first, in microseconds; LEAST and min differ between dialects."""
    claim, resolution = incidents.c.claim_due_at, incidents.c.resolution_due_at
    first = case(
        (claim.is_(None), resolution), (resolution.is_(None), claim), (claim < resolution, claim), else_=resolution
    )
    return func.coalesce(type_coerce(first, BigInteger), _NEVER)


def _wanted(asked: Asked, states: tuple[State, ...]) -> ColumnElement[bool] | None:
    if not states:
        return None
    tests: list[ColumnElement[bool]] = [
        incidents.c.jurisdiction == asked.jurisdiction,
        incidents.c.state.in_(states),
    ]
    if asked.responder is not None:
        tests.append(incidents.c.id.in_(_involving(asked, states)))
    if asked.category is not None:
        below = incidents.c.category.startswith(f"{asked.category}/", autoescape=True)
        tests.append(or_(incidents.c.category == asked.category, below))
    if asked.area is not None:
        tests.append(incidents.c.area.startswith(asked.area, autoescape=True))
    if asked.q is not None:
        tests.append(incidents.c.id.in_(_telling(asked)))
    return and_(*tests)


def _involving(asked: Asked, states: tuple[State, ...]) -> Select[tuple[str]]:
    return select(parties.c.incident_id).where(
        parties.c.jurisdiction == asked.jurisdiction,
        parties.c.responder == asked.responder,
        parties.c.state.in_(states),
        parties.c.role.in_(asked.roles),
    )


def _telling(asked: Asked) -> Select[tuple[str]]:
    """Incidents with a report whose text holds all the words."""
    words = (asked.q or "").split()[:_LONGEST_SEARCH]
    return select(bodies.c.incident_id).where(
        bodies.c.jurisdiction == asked.jurisdiction,
        bodies.c.kind == "report",
        *(bodies.c.text.icontains(word, autoescape=True) for word in words),
    )


def _write(cursor: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _read(cursor: str) -> _Cursor:
    try:
        return _cursor.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursor("this cursor was not made by this list") from error
