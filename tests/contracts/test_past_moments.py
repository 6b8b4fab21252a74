"""How it stood at a past instant, how many stood where, and what one responder had; on both stores."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import msgspec
import pytest

from dispatcher.core import apply_row
from dispatcher.store import Store, tables
from dispatcher.views import moment as moments
from dispatcher.views.asked import Asked
from dispatcher.views.counts import counts
from dispatcher.views.moment import TooFarBack, moment_now, moment_of
from dispatcher.views.queue import page
from schemas.command_bodies import CancelBody, ReturnBody
from schemas.commands import CancelIncident, Command, ReturnIncident
from schemas.incidents import ALL_STATES, OPEN_STATES, Incident
from schemas.views import IncidentCounts, IncidentList
from tests.contracts.spine_making import NOON, Bench, at, claim

HERE = "cn-231223"
WHO = ("urban-lighting", "desk-110")


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def listed(bench: Bench, then: datetime, **asked: object) -> IncidentList:
    with bench.store.reading() as connection:
        what = Asked(jurisdiction=HERE, **asked)  # type: ignore[arg-type]
        return page(connection, what, moment_of(connection, then), cursor=None, limit=200)


def counted(bench: Bench, then: datetime | None = None) -> IncidentCounts:
    with bench.store.reading() as connection:
        moment = moment_of(connection, then) if then else moment_now(connection, bench.now)
        return counts(connection, HERE, WHO, moment)


def test_a_list_of_the_past_shows_what_was_known_then(bench: Bench) -> None:
    lamp = bench.taken("1", "泰和街路灯坏了").incident_id
    bench.wait(5)
    glove = bench.taken("2", "捡到手套").incident_id
    bench.wait(5)
    bench.spine.handle([claim(lamp, "urban-lighting")])
    bench.wait(5)
    bench.spine.handle([CancelIncident(incident_id=lamp, body=CancelBody(reason="试"), sender="desk-110")])

    def states(minutes: float) -> dict[str, str]:
        return {it.incident_id: it.state for it in listed(bench, NOON + timedelta(minutes=minutes)).items}

    assert states(-1) == {}
    assert states(0) == {lamp: "offered"}
    assert states(9) == {lamp: "offered", glove: "offered"}
    assert states(10) == {lamp: "claimed", glove: "offered"}
    assert states(15) == {lamp: "cancelled", glove: "offered"}
    then = NOON + timedelta(minutes=12)
    assert [it.incident_id for it in listed(bench, then, responder="urban-lighting", roles=("claimed",)).items] == [
        lamp
    ]
    assert [it.incident_id for it in listed(bench, then, states=("claimed",)).items] == [lamp]
    assert [it.incident_id for it in listed(bench, then, category="lighting").items] == [lamp]
    assert [it.incident_id for it in listed(bench, then, q="路灯").items] == [lamp]
    assert listed(bench, then, states=("cancelled",)).items == ()
    assert listed(bench, then, area="9").items == ()
    clock = listed(bench, NOON + timedelta(minutes=5), category="lighting").items[0].clock
    assert clock is not None
    assert (clock.name, clock.remaining_s, clock.share) == ("claim", 900, 0.75)


@pytest.mark.parametrize("seed", range(2))
def test_every_past_moment_is_the_journal_folded_up_to_it(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    instants = [bench.now]
    known: list[str] = []
    for number in range(60):
        if number < 15 or dice.random() < 0.2:
            point = at(46.0 + dice.randrange(900) / 1000, 126.0 + dice.randrange(900) / 1000)
            text = dice.choice(("泰和街路灯坏了", "楼里着火了", "捡到手套", "停电"))
            known.append(bench.taken(str(number), text, location=point).incident_id)
        else:
            bench.spine.handle([_step(dice, dice.choice(known))])
        if dice.random() < 0.7:
            bench.wait(dice.uniform(0, 20))
            instants.append(bench.now)
    for then in dice.sample(instants, 8):
        stood = _folded(bench.store, then)
        shown = listed(bench, then).items
        assert {it.incident_id: (it.state, it.seq, it.holders) for it in shown} == {
            it.id: (it.state, it.seq, tuple(offer.responder for offer in it.offers if offer.state == "claimed"))
            for it in stood
        }
        assert counted(bench, then) == _by_hand(stood, then)
    assert counted(bench) == _by_hand(_folded(bench.store, bench.now), bench.now)


def _step(dice: random.Random, incident_id: str) -> Command:
    who = dice.choice(WHO)
    return dice.choice(
        (
            claim(incident_id, who),
            CancelIncident(incident_id=incident_id, body=CancelBody(reason="试"), sender="desk-110"),
            ReturnIncident(incident_id=incident_id, body=ReturnBody(responder=who, reason="不归我"), sender=who),
        )
    )


def _folded(store: Store, then: datetime) -> list[Incident]:
    stood: dict[str, Incident] = {}
    for row in store.journal_after(0, 10_000):
        if row.incident_id is not None and row.at <= then:
            stood[row.incident_id] = apply_row(stood.get(row.incident_id), row.seq, row.events)
    return list(stood.values())


def _by_hand(stood: list[Incident], then: datetime) -> IncidentCounts:
    states = Counter(it.state for it in stood)
    opened = [it for it in stood if it.state in OPEN_STATES]
    told = {"jurisdiction": HERE, "as_of": then, "open": _tally(opened, then)}
    told["states"] = {state: states[state] for state in ALL_STATES}
    told["priorities"] = {it.priority: _tally([o for o in opened if o.priority == it.priority], then) for it in opened}
    kinds = {it.category or "" for it in opened}
    told["categories"] = {kind: _tally([o for o in opened if (o.category or "") == kind], then) for kind in kinds}
    told["responders"] = {who: _has(opened, who, then) for who in WHO}
    return msgspec.convert(told, IncidentCounts)


def _tally(some: list[Incident], then: datetime) -> dict[str, int]:
    return {"count": len(some), "late": sum(_late(it, then) for it in some)}


def _has(opened: list[Incident], who: str, then: datetime) -> dict[str, int]:
    mine = [(it, offer.state) for it in opened for offer in it.offers if offer.responder == who]
    has = {state: sum(of == state for _, of in mine) for state in ("offered", "claimed")}
    return has | {"late": sum(_late(it, then) for it, of in mine if of in has)}


def _late(it: Incident, then: datetime) -> bool:
    return any(clock.stopped_at is None and clock.due_at < then for clock in it.clocks)


def test_too_far_back_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = [bench.taken(str(n), location=at(46.0 + n / 10, 126.1)).incident_id for n in range(3)]
    bench.wait(1)
    for lamp in lamps:
        bench.spine.handle([claim(lamp, "urban-lighting")])
    monkeypatch.setattr(moments, "LARGEST_FOLD", 2)
    with pytest.raises(TooFarBack):
        listed(bench, NOON)
    monkeypatch.setattr(moments, "LARGEST_FOLD", 3)
    assert len(listed(bench, NOON).items) == 3
    monkeypatch.setattr(moments, "MOST_ROWS", 2)
    with pytest.raises(TooFarBack):
        counted(bench, NOON)
    assert len(listed(bench, bench.now).items) == 3


def test_nothing_was_before_the_first_row(store: Store) -> None:
    with store.reading() as connection:
        assert moment_of(connection, NOON).position == 0
        assert connection.execute(tables.queue.select()).all() == []
