"""What a report may join is what an incident is by then, not what it was when the batch began."""

from random import Random

import pytest

from dispatcher.service import Policies, Spine, Ulids
from schemas import outcomes as out
from schemas.command_bodies import CorrectBody
from schemas.commands import CorrectIncident, PublishBundle, SubmitReport
from schemas.reports import Report
from tests.simulation.kinds import DESK, KINDS, NOON, SPOTS, bundles
from tests.simulation.model_store import ModelStore, Tables
from tests.simulation.node import METRICS


@pytest.mark.parametrize(
    ("put_right", "joins"),
    [
        (CorrectBody(responder=DESK, category="road/hole"), False),
        (CorrectBody(responder=DESK, place=SPOTS[1].place), False),
        (CorrectBody(responder=DESK, area="231223100"), True),
    ],
)
def test_a_report_joins_no_incident_that_its_own_batch_made_another(put_right: CorrectBody, joins: bool) -> None:  # noqa: FBT001
    tables = Tables(now=lambda: NOON, committed=lambda _: None, row_locks=False)
    spine = Spine(
        ModelStore(tables, lambda _: None),
        Policies(),
        Ulids(Random(1).randbytes),  # noqa: S311 - dice, not secrets
        now=lambda: NOON,
        elapsed=lambda: 0.0,
        observer=METRICS,
    )
    spine.handle([PublishBundle(bundle=bundles()[0])])
    spine.handle([_lamp("1")])
    (incident_id,) = tables.incidents
    outcomes = spine.handle([CorrectIncident(incident_id=incident_id, body=put_right), _lamp("2")])
    assert [type(outcome) for outcome in outcomes] == [out.Done, out.Taken]
    assert len(tables.incidents) == (1 if joins else 2)


def _lamp(source_id: str) -> SubmitReport:
    spot = SPOTS[0]
    report = Report(source="110", source_id=source_id, text=KINDS[0].text, place=spot.place, location=spot.location(0))
    return SubmitReport(report=report)
