"""The baseline of lists: ORM objects, pages by OFFSET, LIKE over every text; the same town in the naive tables."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, insert, select
from sqlalchemy.orm import Session, selectinload

from benchmarks.naive_dispatcher import (
    Base,
    NaiveBody,
    NaiveIncident,
    NaiveOffer,
    NaiveReport,
    durable_engine,
)
from benchmarks.town_rows import NOW, RESPONDERS, reported

_AT_ONCE: Final = 5_000


class NaiveLists:
    """`count` open incidents, each with one report."""

    def __init__(self, url: str, count: int) -> None:
        self.engine: Engine = durable_engine(url)
        Base.metadata.create_all(self.engine)
        dice = random.Random(1)  # noqa: S311 - repeatable, not secret
        for start in range(0, count, _AT_ONCE):
            self._fill(dice, range(start, min(count, start + _AT_ONCE)))

    def page(self, offset: int, limit: int) -> bytes:
        return self._answer((), offset, limit)

    def search(self, words: Sequence[str], limit: int) -> bytes:
        return self._answer([NaiveBody.text.icontains(word) for word in words], 0, limit)

    def close(self) -> None:
        self.engine.dispose()

    def _answer(self, tests: Sequence[ColumnElement[bool]], offset: int, limit: int) -> bytes:
        incidents = select(NaiveIncident)
        if tests:
            incidents = incidents.join(NaiveIncident.reports).join(NaiveReport.body)
        rows = (
            incidents.where(NaiveIncident.state.in_(("offered", "claimed")), *tests)
            .order_by(NaiveIncident.priority, NaiveIncident.due_at, NaiveIncident.id)
            .offset(offset)
            .limit(limit)
            .options(
                selectinload(NaiveIncident.reports).selectinload(NaiveReport.body), selectinload(NaiveIncident.offers)
            )
        )
        with Session(self.engine) as session:
            return json.dumps([_shown(incident) for incident in session.scalars(rows)]).encode()

    def _fill(self, dice: random.Random, numbers: range) -> None:
        told = [(f"{number:032d}", reported(dice, number)) for number in numbers]
        at = NOW - timedelta(hours=1)
        incidents = [
            {
                "id": name,
                "state": dice.choices(("offered", "claimed"), (7, 3))[0],
                "category": report.category,
                "owner": RESPONDERS[0],
                "rule": "a-rule",
                "priority": dice.choices(("P1", "P2", "P3", "P4"), (1, 9, 70, 20))[0],
                "opened_at": at,
                "due_at": NOW + timedelta(seconds=dice.uniform(-8_000, 80_000)),
            }
            for name, report in told
        ]
        reports = [
            {"id": name, "source": "110", "source_id": name, "received_at": at, "incident_id": name} for name, _ in told
        ]
        bodies = [
            {"report_id": name, "text": f"{report.text} {report.place}", "doc": "x" * 400} for name, report in told
        ]
        offers = [{"incident_id": name, "responder": RESPONDERS[0], "state": "offered"} for name, _ in told]
        with self.engine.begin() as connection:
            connection.execute(insert(NaiveIncident), incidents)
            connection.execute(insert(NaiveReport), reports)
            connection.execute(insert(NaiveBody), bodies)
            connection.execute(insert(NaiveOffer), offers)


def _shown(incident: NaiveIncident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "state": incident.state,
        "category": incident.category,
        "owner": incident.owner,
        "priority": incident.priority,
        "due_at": incident.due_at and incident.due_at.isoformat(),
        "text": incident.reports[0].body.text,
        "offers": [offer.responder for offer in incident.offers],
    }
