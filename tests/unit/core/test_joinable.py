"""Whether a later report may join an incident is a fact of the incident: its journal tells it, nothing else does."""

from typing import Any

import pytest
from msgspec.structs import replace

from dispatcher.core import Context, LastRow, apply_row, decide
from schemas import refusals as no
from schemas.command_bodies import CorrectBody, ReopenBody, ResolveBody, UndoBody
from schemas.commands import CorrectIncident, IncidentCommand, ReopenIncident, ResolveIncident, SubmitReport, UndoStep
from schemas.facts import GroupBy
from schemas.incidents import Incident
from schemas.reports import Location, Report
from tests.unit.core.incident_making import DESK, NOON, minutes, plan_for

GROUPS = GroupBy(30, 3600)


def lamp(*, group: GroupBy | None = GROUPS, **facts: Any) -> Incident:
    plan = plan_for(("a",), "first-claim")
    facts = {"cell": "4669:12610"} | facts
    plan = replace(plan, decision=replace(plan.decision, group=group), facts=replace(plan.facts, **facts))
    happened = decide(None, SubmitReport(report=Report(source="110", source_id="1", text="x")), Context(NOON, plan))
    assert not isinstance(happened, no.Refusal)
    return apply_row(None, 1, happened)


def after(incident: Incident, command: IncidentCommand, minute: float, last: LastRow | None = None) -> Incident:
    plan = plan_for(("a",), "first-claim")
    happened = decide(incident, command, Context(minutes(minute), plan, "B1", last=last))
    assert not isinstance(happened, no.Refusal), happened
    return apply_row(incident, incident.seq + 1, happened)


@pytest.mark.parametrize(
    ("incident", "may"),
    [
        (lamp(), True),
        (lamp(cell=None, place_key="p"), True),
        (lamp(cell=None), False),
        (lamp(category=None), False),
        (lamp(group=None), False),
    ],
)
def test_it_needs_a_rule_that_groups_a_category_and_a_place(incident: Incident, may: bool) -> None:  # noqa: FBT001
    assert incident.joinable is may


def resolved(incident: Incident) -> Incident:
    return after(incident, ResolveIncident(incident_id="I1", body=ResolveBody(responder=DESK, reason="done")), 1)


def test_once_over_nobody_joins_it_even_when_it_is_reopened() -> None:
    over = resolved(lamp())
    assert not over.joinable
    again = after(over, ReopenIncident(incident_id="I1", body=ReopenBody(responder=DESK, reason="dark again")), 2)
    assert again.state == "offered"
    assert not again.joinable


def test_an_end_taken_back_was_none() -> None:
    before = lamp()
    resolving = ResolveIncident(incident_id="I1", body=ResolveBody(responder=DESK, reason="done"))
    happened = decide(before, resolving, Context(minutes(1), body_ref="B1"))
    assert not isinstance(happened, no.Refusal)
    over = apply_row(before, 2, happened)
    back = after(over, UndoStep(incident_id="I1", body=UndoBody(responder=DESK)), 1.1, LastRow(before, 2, happened))
    assert back.joinable


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (CorrectBody(responder=DESK, category="lighting/streetlight"), True),
        (CorrectBody(responder=DESK, place="elsewhere"), False),
        (CorrectBody(responder=DESK, location=Location(lat=46.7, lon=126.1)), False),
    ],
)
def test_what_stands_elsewhere_is_not_joined_where_it_stood(body: CorrectBody, may: bool) -> None:  # noqa: FBT001
    assert after(lamp(), CorrectIncident(incident_id="I1", body=body), 1).joinable is may
