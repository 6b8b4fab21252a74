"""What a notice may tell of a report's words is decided row by row, whatever else is rendered beside it."""

from dispatcher.service import Policies, Spine, StoredBundles, Ulids
from dispatcher.views.telling import Message, Telling
from schemas.command_bodies import CorrectBody
from schemas.commands import CorrectIncident, PublishBundle, SubmitReport
from schemas.notices import Notice
from schemas.reports import Report
from tests.simulation.kinds import DESK, NOON, bundles
from tests.simulation.model_store import ModelStore, Tables
from tests.simulation.node import METRICS

MISSING = "家里老人走失了"  # of a category whose words are never told


def test_a_category_that_may_be_told_opens_no_row_before_it() -> None:
    tables = Tables(now=lambda: NOON, committed=lambda _: None, row_locks=False)
    store, policies = ModelStore(tables, lambda _: None), Policies()
    ids = Ulids(bytes)
    spine = Spine(store, policies, ids, now=lambda: NOON, elapsed=lambda: 0.0, observer=METRICS)
    spine.handle([PublishBundle(bundle=bundles()[0])])
    spine.handle([SubmitReport(report=Report(source="110", source_id="1", text=MISSING))])
    (incident_id,) = tables.incidents
    body = CorrectBody(responder=DESK, category="lighting/streetlight")
    spine.handle([CorrectIncident(incident_id=incident_id, body=body)])
    telling = Telling(store, lambda bundle_id: policies.compiled(bundle_id, StoredBundles(store)))
    told = telling.told(tables.journal)
    assert [_summaries(row.messages) for row in told] == [set(), {None}, {MISSING}]


def _summaries(messages: tuple[Message, ...]) -> set[str | None]:
    return {message.payload.summary for message in messages if isinstance(message.payload, Notice)}
