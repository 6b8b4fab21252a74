"""A correction and the resolution clock: time that work stood, and what the desk granted, is not taken back."""

from datetime import datetime

from msgspec.structs import replace

from dispatcher.core import Context, apply_row, decide, next_due_at
from dispatcher.core.clocks import clock_of, due_at
from schemas import events as ev
from schemas import refusals as no
from schemas.commands import FireDue
from tests.unit.core.incident_making import DESK, done, minutes, plan_for
from tests.unit.core.life_making import Life, command, in_state


def correct(life: Life, rule: str, *, fix_min: float | None, offers: tuple[str, ...] = ("a",)) -> None:
    """Routed again by that rule, whose clock is due so many minutes after the report."""
    life.minute += 1
    plan = plan_for(offers, "first-claim", claim_min=life.minute + 20, fix_min=fix_min)
    facts = replace(plan.facts, category="sanitation/garbage")
    plan = replace(plan, facts=facts, decision=replace(plan.decision, rule=rule))
    happened = decide(life.incident, command("correct", DESK), Context(now=minutes(life.minute), plan=plan))
    assert not isinstance(happened, no.Refusal)
    life.incident = apply_row(life.incident, life.incident.seq + 1, happened)


def resolution(life: Life) -> datetime | None:
    return due_at(life.incident, "resolution")


def paused_for_an_hour() -> Life:
    """Due at minute 300 instead of 240."""
    life = in_state("working")
    life.does("pause", "a")
    life.does("resume", "a", after_min=60)
    assert resolution(life) == minutes(300)
    return life


def test_under_the_same_rule_it_goes_on_as_it_was() -> None:
    life = paused_for_an_hour()
    correct(life, life.incident.rule, fix_min=240)
    assert resolution(life) == minutes(300)


def test_what_was_granted_stays_granted_under_the_same_rule() -> None:
    life = in_state("working")
    life.does("extend", DESK, until=minutes(1000))
    correct(life, life.incident.rule, fix_min=240)
    assert resolution(life) == minutes(1000)


def test_the_clock_of_another_rule_is_due_later_by_as_long_as_work_stood() -> None:
    life = paused_for_an_hour()
    correct(life, "other", fix_min=500)
    assert resolution(life) == minutes(560)


def test_and_by_as_long_as_it_stands_when_its_holder_loses_it() -> None:
    life = in_state("working")
    life.does("pause", "a")
    life.minute += 59
    correct(life, "other", fix_min=500, offers=("c",))
    assert life.incident.state == "offered"
    assert resolution(life) == minutes(560)


def test_where_work_stands_the_new_clock_stands_too() -> None:
    """Though the old rule had none."""
    life = in_state("working")
    life.incident = replace(life.incident, clocks=())
    life.does("pause", "a")
    correct(life, "other", fix_min=500)
    clock = clock_of(life.incident, "resolution")
    assert clock is not None
    assert clock.paused_at is not None
    assert done(life.incident, FireDue(incident_id="I1"), minutes(5_000))[1] == ()


def test_what_was_late_before_work_stood_rings_all_the_same() -> None:
    life = in_state("working")
    life.does("pause", "a", after_min=100)
    correct(life, "other", fix_min=50)
    assert next_due_at(life.incident) == minutes(50)
    happened = life.does("resolve", "a")
    assert [type(event) for event in happened] == [ev.ClockBreached, ev.IncidentResolved]
