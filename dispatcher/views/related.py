"""What two things have in common: candidates out of one scan of `queue`, weighed by place, text and category.

Used by the questions `nearby` and `similar`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, select

from dispatcher.core.grouping import cells_around, distance_m
from dispatcher.store.tables import bodies, incidents, queue
from dispatcher.views.incident import incidents_of
from dispatcher.views.report_bodies import report_bodies
from schemas.incidents import Incident
from schemas.reports import Report
from schemas.views import RelatedIncident

SHOWN: Final = 20
_LOOKED_AT: Final = 2_000  # candidates, the newest
_PLACE, _TEXT, _KIND = 0.5, 0.3, 0.2  # what each weighs in a score
_ALIKE: Final = 0.5  # from here on it is worth saying

Point = tuple[float, float]


class Subject(Struct, frozen=True):
    """What others are compared with. `text` folded, "" = not compared; `place_key` hashed, as incidents have it."""

    jurisdiction: str
    category: str | None = None
    point: Point | None = None
    place_key: str | None = None
    text: str = ""
    incident_id: str | None = None


class Candidate(NamedTuple):
    incident_id: str
    category: str | None
    place_key: str | None
    words: str
    point: Point | None


class Weighed(NamedTuple):
    incident_id: str
    score: float
    distance_m: float | None
    likeness: float | None
    reasons: tuple[str, ...]


def spots(subject: Subject, within_m: float) -> list[ColumnElement[bool]]:
    """Where it may be met: the cells around its point, its place. None when nobody knows where it is."""
    tests: list[ColumnElement[bool]] = []
    if subject.point is not None:
        tests.append(queue.c.cell.in_(cells_around(subject.point, within_m)))
    if subject.place_key is not None:
        tests.append(queue.c.place_key == subject.place_key)
    return tests


def candidates(connection: Connection, subject: Subject, *tests: ColumnElement[bool]) -> list[Candidate]:
    """The newest that pass, with their points; a point lies in the body of the first report only."""
    own = (queue.c.incident_id, queue.c.category, queue.c.place_key, queue.c.words)
    here = queue.c.jurisdiction == subject.jurisdiction
    newest = select(*own).where(here, *tests).order_by(queue.c.incident_id.desc()).limit(_LOOKED_AT).subquery()
    rows = (
        select(newest, bodies.c.lat, bodies.c.lon)
        .join(incidents, incidents.c.id == newest.c.incident_id)
        .outerjoin(bodies, bodies.c.ref == incidents.c.report_id)
    )
    found = (
        Candidate(row[0], row[1], row[2], row[3], None if row.lat is None else (row.lat, row.lon))
        for row in connection.execute(rows)
    )
    return [other for other in found if other.incident_id != subject.incident_id]


def weigh(subject: Subject, other: Candidate, within_m: float) -> Weighed:
    """Shares that are not known count for nothing, unless neither is located: then text and category decide."""
    apart = None if subject.point is None or other.point is None else distance_m(subject.point, other.point)
    same_place = subject.place_key is not None and subject.place_key == other.place_key
    near = apart is not None and apart <= within_m
    place = 1.0 if same_place else 1 - apart / within_m if apart is not None and near else 0.0
    likeness = _likeness(subject.text, other.words) if subject.text else None
    kind, kin = _kinship(subject.category, other.category)
    known = (_PLACE if apart is not None or same_place else 0) + _TEXT + _KIND
    score = (_PLACE * place + _TEXT * (likeness or 0) + _KIND * kind) / known
    reasons = (
        ("same-place", same_place),
        ("near", near),
        (kin, kind > 0),
        ("alike", likeness is not None and likeness >= _ALIKE),
    )
    return Weighed(other.incident_id, score, apart, likeness, tuple(reason for reason, holds in reasons if holds))


def shown(connection: Connection, best: Sequence[Weighed]) -> tuple[RelatedIncident, ...]:
    """With what a person needs to recognise them."""
    found = incidents_of(connection, [it.incident_id for it in best])
    firsts = report_bodies(connection, [it.report_id for it in found.values()])
    return tuple(_related(it, found[it.incident_id], firsts) for it in best)


def kindred(category: str | None) -> list[ColumnElement[bool]]:
    """The same first part, as `lighting` in `lighting/streetlight`; no category is kindred to all."""
    if category is None:
        return []
    root = category.partition("/")[0]
    return [(queue.c.category == root) | queue.c.category.startswith(f"{root}/", autoescape=True)]


def _related(weighed: Weighed, incident: Incident, firsts: dict[str, Report]) -> RelatedIncident:
    first = firsts.get(incident.report_id)
    return RelatedIncident(
        incident_id=incident.id,
        state=incident.state,
        priority=incident.priority,
        category=incident.category,
        area=incident.area,
        text=first.text if first else None,
        place=first.place if first else None,
        voices_count=incident.voices,
        reported_at=incident.reported_at,
        distance_m=None if weighed.distance_m is None else round(weighed.distance_m, 1),
        likeness=None if weighed.likeness is None else round(weighed.likeness, 3),
        reasons=weighed.reasons,
        score=round(weighed.score, 3),
    )


def _kinship(one: str | None, other: str | None) -> tuple[float, str]:
    if one is None or other is None:
        return 0.0, ""
    if one == other:
        return 1.0, "same-category"
    return (0.5, "kindred-category") if one.partition("/")[0] == other.partition("/")[0] else (0.0, "")


def _likeness(text: str, words: str) -> float:
    """Pairs of neighbouring characters that both have (Sørensen–Dice), of the line that is most alike; 0 to 1.

    Chinese has no spaces to part words at, and two characters are what a word mostly is.
    """
    mine = _pairs(text)
    return max((_dice(mine, _pairs(line)) for line in words.splitlines()), default=0.0)


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _pairs(text: str) -> frozenset[str]:
    letters = "".join(letter for letter in text if letter.isalnum())
    return frozenset(letters[place : place + 2] for place in range(len(letters) - 1))
