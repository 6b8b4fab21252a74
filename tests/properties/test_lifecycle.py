"""Random commands in random order: whatever is asked for, these hold after every step."""

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.core import Context, apply_row, decide, next_due_at
from dispatcher.core.parties import holders, led
from schemas import refusals as no
from schemas.command_bodies import CancelBody, ClaimBody, CloseBody, ResolveBody, ReturnBody
from schemas.commands import (
    CancelIncident,
    ClaimIncident,
    CloseIncident,
    Command,
    FireDue,
    ResolveIncident,
    ReturnIncident,
)
from schemas.events import AnyEvent, ClockBreached
from schemas.incidents import Incident
from tests.unit.core.incident_making import DESK, NOON, opened

WHO = st.sampled_from(["a", "b", "c", DESK, None])
REASON = st.sampled_from([None, "because"])
OFFER = {"cycle": st.sampled_from([None, 1]), "epoch": st.sampled_from([None, 1, 2, 3])}
RANK = {"offered": 0, "claimed": 1, "resolved": 2, "closed": 3, "cancelled": 3}


def _command(kind: type, body: type, **more: st.SearchStrategy[object]) -> st.SearchStrategy[Command]:
    bodies = st.builds(body, responder=WHO, **OFFER, **more)
    return st.builds(lambda it: kind(incident_id="I1", body=it), bodies)


COMMANDS = st.one_of(
    _command(ClaimIncident, ClaimBody),
    _command(ReturnIncident, ReturnBody, reason=REASON),
    _command(ResolveIncident, ResolveBody, reason=REASON),
    _command(CloseIncident, CloseBody),
    _command(CancelIncident, CancelBody, reason=REASON),
    st.just(FireDue(incident_id="I1")),
)
STEPS = st.lists(st.tuples(st.integers(0, 90), COMMANDS), max_size=25)
OPENINGS = st.builds(
    opened,
    st.sampled_from([("a",), ("a", "b"), ("a", "b", "c"), (DESK,), (DESK, "a")]),
    st.sampled_from(["first-claim", "race", "all"]),
    claim_min=st.sampled_from([None, 20.0]),
    fix_min=st.sampled_from([None, 240.0]),
)


def _check(before: Incident, after: Incident, happened: tuple[AnyEvent, ...]) -> None:
    if after.mode == "first-claim":
        assert len(holders(after)) <= 1
    assert (after.cycle, after.epoch) >= (before.cycle, before.epoch)
    if (after.cycle, after.epoch) == (before.cycle, before.epoch) and after.mode == "first-claim":
        assert RANK[after.state] >= RANK[before.state] or any(o.state == "returned" for o in after.offers)
    if after.state == "claimed":
        assert led(after)
    if after.state == "offered":
        assert any(offer.state == "offered" for offer in after.offers), "somebody is always asked"
    if after.state in ("resolved", "closed", "cancelled"):
        assert next_due_at(after) is None
    assert len({offer.responder for offer in after.offers}) == len(after.offers)
    for event in happened:
        if isinstance(event, ClockBreached):
            assert event.due_at < event.fired_at


@settings(max_examples=400, deadline=None)
@given(OPENINGS, STEPS)
def test_invariants_hold_and_the_journal_rebuilds_the_state(start: Incident, steps: list[tuple[int, Command]]) -> None:
    incident, now, rows = start, NOON, []
    for wait, command in steps:
        now += timedelta(minutes=wait)
        verdict = decide(incident, command, Context(now=now))
        if isinstance(verdict, no.Refusal) or not verdict:
            continue
        after = apply_row(incident, incident.seq + 1, verdict)
        _check(incident, after, verdict)
        rows.append(msgspec.json.decode(msgspec.json.encode(verdict), type=tuple[AnyEvent, ...]))
        incident = after
    replayed = start
    for row in rows:
        replayed = apply_row(replayed, replayed.seq + 1, row)
    assert msgspec.json.encode(replayed) == msgspec.json.encode(incident)
    breaches = [event.clock for row in rows for event in row if isinstance(event, ClockBreached)]
    assert len(breaches) == len(set(breaches)), "no clock rings twice"
