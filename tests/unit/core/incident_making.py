"""Incidents for tests, made the only way there is: by deciding and folding."""

from datetime import UTC, datetime, timedelta

from dispatcher.core import Context, Plan, apply_row, decide
from schemas import refusals as no
from schemas.commands import Command, SubmitReport
from schemas.events import AnyEvent
from schemas.facts import Facts, RoutingDecision
from schemas.incidents import Incident
from schemas.reports import Report

NOON = datetime(2025, 1, 12, 4, 0, tzinfo=UTC)
DESK = "desk-110"


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def plan_for(offers: tuple[str, ...], mode: str, *, claim_min: float | None = 20, fix_min: float | None = 240) -> Plan:
    return Plan(
        report_id="R1",
        incident_id="I1",
        key="00" * 16,
        jurisdiction="cn-231223",
        desk=DESK,
        facts=Facts(source="110", reported_at=NOON, category="lighting/streetlight"),
        decision=RoutingDecision(
            rule="r",
            owner=offers[0],
            mode=mode,
            offers=offers,
            bundle="sha256:0",
            copies=(DESK,),
            claim_due_at=None if claim_min is None else minutes(claim_min),
            resolution_due_at=None if fix_min is None else minutes(fix_min),
        ),
    )


def opened(offers: tuple[str, ...] = ("a",), mode: str = "first-claim", **clocks: float | None) -> Incident:
    command = SubmitReport(report=Report(source="110", source_id="1", text="x"))
    happened = decide(None, command, Context(now=NOON, plan=plan_for(offers, mode, **clocks)))
    assert not isinstance(happened, no.Refusal)
    return apply_row(None, 1, happened)


def done(incident: Incident, command: Command, at: datetime) -> tuple[Incident, tuple[AnyEvent, ...]]:
    """The incident after a command that must be accepted, and what happened."""
    happened = decide(incident, command, Context(now=at, body_ref="B1"))
    assert not isinstance(happened, no.Refusal), happened
    return apply_row(incident, incident.seq + 1, happened), happened


def refused(incident: Incident | None, command: Command, at: datetime = NOON) -> no.Refusal:
    verdict = decide(incident, command, Context(now=at, body_ref="B1"))
    assert isinstance(verdict, no.Refusal), verdict
    return verdict
