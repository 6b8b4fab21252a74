"""Which dead letters there are, newest first, without their bytes."""

import re
from typing import Final

from sqlalchemy import Connection, func, or_, select

from dispatcher.store.tables import letters
from dispatcher.views.queue import BadCursor
from schemas.dead_letters import DeadLetterItem, DeadLetterList
from schemas.ids import ULID

STATES: Final = ("open", "redriven", "discarded")
_ULID: Final = re.compile(ULID)


def letter_list(
    connection: Connection,
    jurisdiction: str,
    *,
    states: tuple[str, ...],
    reason: str | None,
    cursor: str | None,
    limit: int,
) -> DeadLetterList:
    """One page. `reason` = a code, with or without detail behind its colon. Raises BadCursor."""
    if cursor is not None and not _ULID.fullmatch(cursor):
        raise BadCursor("this cursor was not made by this list")
    it = letters.c
    wanted = select(
        it.letter_id,
        it.at,
        it.origin,
        it.reason,
        it.state,
        func.length(it.raw).label("size"),
        it.fixed.is_not(None).label("is_fixed"),
        it.report_id,
        it.incident_id,
        it.settled_at,
        it.erased_at,
    ).where(it.jurisdiction == jurisdiction, it.state.in_(states))
    if reason is not None:
        wanted = wanted.where(or_(it.reason == reason, it.reason.startswith(f"{reason}:", autoescape=True)))
    if cursor is not None:
        wanted = wanted.where(it.letter_id < cursor)
    rows = connection.execute(wanted.order_by(it.letter_id.desc()).limit(limit + 1)).mappings().all()
    items = tuple(DeadLetterItem(**{**row, "is_fixed": bool(row["is_fixed"])}) for row in rows[:limit])
    return DeadLetterList(items=items, next_cursor=items[-1].letter_id if len(rows) > limit else None)
