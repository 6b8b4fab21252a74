"""What a list is asked for, as a condition on the table and on incidents as they once stood."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from dispatcher.store.save import parties_of
from dispatcher.store.tables import parties, queue
from dispatcher.store.texts import folded
from schemas.incidents import ALL_STATES, Incident, State

HAS: Final = ("offered", "claimed")  # roles of who is asked or has it
ROLES: Final = ("offered", "claimed", "returned", "withdrawn", "copy")
_LONGEST_SEARCH: Final = 8  # words


class Asked(Struct, frozen=True, kw_only=True):
    """What is looked for. `area` is a prefix, `category` a node with all below it.

    `q`: words, all of which were told or said, or name the place; two characters hit, neither case nor width counts.
    `responder` restricts to incidents in which it plays one of `roles`. `late_first`: late ones before all others.
    """

    jurisdiction: str
    states: tuple[State, ...] = ALL_STATES
    responder: str | None = None
    roles: tuple[str, ...] = HAS
    category: str | None = None
    area: str | None = None
    q: str | None = None
    late_first: bool = False


def wanted(asked: Asked, states: Sequence[State]) -> ColumnElement[bool]:
    """Rows of `queue`, of one rank or of several, as whoever asks adds; `states` are of these."""
    tests: list[ColumnElement[bool]] = [queue.c.jurisdiction == asked.jurisdiction, queue.c.state.in_(states)]
    if asked.responder is not None:
        tests.append(queue.c.incident_id.in_(_involving(asked, states)))
    if asked.category is not None:
        below = queue.c.category.startswith(f"{asked.category}/", autoescape=True)
        tests.append(or_(queue.c.category == asked.category, below))
    if asked.area is not None:
        tests.append(queue.c.area.startswith(asked.area, autoescape=True))
    return and_(*tests, *_telling(asked))


def fitting(connection: Connection, asked: Asked, once: Sequence[Incident]) -> list[Incident]:
    """Those of the incidents, as they once stood, that are looked for; words count whenever they were said."""
    found = [incident for incident in once if _fits(asked, incident)]
    if not found or not asked.q:
        return found
    here = (queue.c.jurisdiction == asked.jurisdiction, queue.c.rank.in_(ranks(connection, asked.jurisdiction)))
    telling = select(queue.c.incident_id).where(*here, *_telling(asked))
    ids = set(connection.execute(telling.where(queue.c.incident_id.in_([it.id for it in found]))).scalars())
    return [incident for incident in found if incident.id in ids]


def ranks(connection: Connection, jurisdiction: str) -> list[str]:
    """All there are, in order: by a step in the key each, where DISTINCT would read every row."""
    found: list[str] = []
    rows = select(func.min(queue.c.rank)).where(queue.c.jurisdiction == jurisdiction)
    while (rank := connection.execute(rows).scalar_one_or_none()) is not None:
        found.append(rank)
        rows = select(func.min(queue.c.rank)).where(queue.c.jurisdiction == jurisdiction, queue.c.rank > rank)
    return found


def _fits(asked: Asked, incident: Incident) -> bool:
    if incident.jurisdiction != asked.jurisdiction or incident.state not in asked.states:
        return False
    if asked.category is not None and not f"{incident.category or ''}/".startswith(f"{asked.category}/"):
        return False
    if asked.area is not None and not (incident.area or "").startswith(asked.area):
        return False
    return asked.responder is None or any(
        responder == asked.responder and role in asked.roles for _, responder, _, _, role in parties_of(incident)
    )


def _involving(asked: Asked, states: Sequence[State]) -> Select[tuple[str]]:
    return select(parties.c.incident_id).where(
        parties.c.jurisdiction == asked.jurisdiction,
        parties.c.responder == asked.responder,
        parties.c.state.in_(states),
        parties.c.role.in_(asked.roles),
    )


def _telling(asked: Asked) -> list[ColumnElement[bool]]:
    words = folded(asked.q or "").split()[:_LONGEST_SEARCH]
    return [queue.c.words.contains(word, autoescape=True) for word in words]
