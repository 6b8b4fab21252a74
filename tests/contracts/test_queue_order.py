"""The order of the queue, and pages that show one moment, on both stores."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta

import msgspec
import pytest

from dispatcher.store import Store, tables
from dispatcher.views.asked import Asked
from dispatcher.views.mine import own
from dispatcher.views.moment import Moment, moment_now
from dispatcher.views.queue import BadCursor, page
from schemas.command_bodies import CancelBody, PrioritizeBody, ResolveBody
from schemas.commands import CancelIncident, PrioritizeIncident, ResolveIncident
from schemas.incidents import OPEN_STATES, Clock, Incident
from schemas.views import IncidentList
from tests.contracts.spine_making import Bench, at, claim
from tests.contracts.store_samples import HERE, NOON, ident, incident, save, told_opening

ALL = Asked(jurisdiction=HERE)
KINDS = ("泰和街路灯坏了", "楼里着火了", "捡到手套", "停电", "下水道堵了", "手机没信号")


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


def listed(store: Store, asked: Asked = ALL, now: datetime = NOON, *, limit: int = 200) -> IncidentList:
    with store.reading() as connection:
        return page(connection, asked, moment_now(connection, now), cursor=None, limit=limit)


def further(store: Store, first: IncidentList, asked: Asked = ALL, now: datetime = NOON, *, limit: int) -> IncidentList:
    with store.reading() as connection:
        return page(connection, asked, moment_now(connection, now), cursor=first.next_cursor, limit=limit)


def ids(*pages: IncidentList) -> list[str]:
    return [item.incident_id for each in pages for item in each.items]


def clocked(number: int, *, started: float, due: float, **changed: object) -> Incident:
    """One running clock, in minutes from noon."""
    minutes = [NOON + timedelta(minutes=each) for each in (started, due)]
    return incident(number, clocks=(Clock(name="claim", started_at=minutes[0], due_at=minutes[1]),), **changed)


def test_by_priority_then_by_the_share_that_is_left(store: Store) -> None:
    made = {
        "urgent": clocked(1, started=0, due=600, priority="P1"),
        "late by a fifth": clocked(2, started=-600, due=-100),
        "late by all of it": clocked(3, started=-20, due=-10),
        "a quarter of four hours": clocked(4, started=-180, due=60),
        "half of twenty minutes": clocked(5, started=-10, due=10),
        "fresh": clocked(6, started=0, due=5),
        "due before it started": clocked(7, started=30, due=20),
        "no clock": incident(8, clocks=()),
        "not urgent": clocked(9, started=-20, due=-10, priority="P4"),
    }
    for each in random.Random(1).sample(list(made.values()), len(made)):  # noqa: S311 - repeatable
        save(store, told_opening(each))
    names = {each.id: name for name, each in made.items()}
    assert [names[found] for found in ids(listed(store))] == [
        "urgent",
        "late by all of it",
        "late by a fifth",
        "a quarter of four hours",
        "half of twenty minutes",
        "fresh",
        "due before it started",
        "no clock",
        "not urgent",
    ]
    shares = {names[item.incident_id]: item.clock and item.clock.share for item in listed(store).items}
    assert shares["half of twenty minutes"] == 0.5
    assert shares["late by a fifth"] == -0.2
    assert shares["no clock"] is None


def test_the_clock_that_is_due_first_counts_and_a_standing_one_does_not(store: Store) -> None:
    soon, later = NOON + timedelta(minutes=10), NOON + timedelta(minutes=90)
    both = incident(1, clocks=(_clock("claim", soon), _clock("resolution", later)))
    stands = incident(2, state="paused", clocks=(_clock("resolution", soon, paused_at=NOON),))
    confirm = incident(3, state="resolved", clocks=(_clock("confirm", soon),))
    for each in (confirm, stands, both):
        save(store, told_opening(each))
    assert ids(listed(store)) == [ident(1), ident(2), ident(3)]
    clocks = [item.clock for item in listed(store).items]
    assert clocks[0] is not None
    assert clocks[0].name == "claim"
    assert clocks[1:] == [None, None]


def _clock(name: str, due_at: datetime, **more: object) -> Clock:
    return Clock(name=name, started_at=NOON, due_at=due_at, **more)  # type: ignore[arg-type]


def test_own_items_have_the_late_ones_first_whatever_their_priority(store: Store) -> None:
    for each in (
        clocked(1, started=0, due=60, priority="P1"),
        clocked(2, started=-60, due=-1, priority="P4"),
        clocked(3, started=-60, due=0, priority="P2"),
        clocked(4, started=-60, due=-2, state="closed"),
        clocked(5, started=-60, due=-2, owner="roads", offers=()),
    ):
        save(store, told_opening(each))
    asked = own(HERE, "urban-lighting")
    assert ids(listed(store, asked)) == [ident(2), ident(1), ident(3)]
    first = listed(store, asked, limit=1)
    second = further(store, first, asked, limit=1)
    assert ids(first, second, further(store, second, asked, limit=1)) == [ident(2), ident(1), ident(3)]
    assert ids(listed(store, own(HERE, "desk-110"))) == [], "a copy is not an offer"


@pytest.mark.parametrize("seed", range(3))
def test_pages_show_the_moment_of_the_first_whatever_happens(bench: Bench, seed: int) -> None:
    """Nothing repeated, nothing hidden, nothing as it was not then."""
    dice, store = random.Random(seed), bench.store  # noqa: S311 - repeatable
    for _ in range(40):
        _act(bench, dice, [])
        bench.wait(dice.uniform(0, 30))
    for _ in range(30):
        _act(bench, dice, ids(listed(store, now=bench.now)))
    whole = listed(store, now=bench.now)
    assert ids(whole) == _in_order(bench)
    first = listed(store, now=bench.now, limit=dice.randrange(1, 6))
    pages = [first]
    while pages[-1].next_cursor is not None:
        for _ in range(dice.randrange(4)):
            _act(bench, dice, ids(whole))
            bench.wait(dice.uniform(0, 10))
        pages.append(further(store, pages[-1], now=bench.now, limit=dice.randrange(1, 6)))
    assert [item for each in pages for item in each.items] == list(whole.items)
    assert {each.as_of for each in pages} == {whole.as_of}
    assert ids(listed(store, now=bench.now)) == _in_order(bench)


def _act(bench: Bench, dice: random.Random, known: list[str]) -> None:
    """Something that may be refused."""
    which = dice.randrange(6) if known else 0
    incident_id = dice.choice(known) if known else ""
    if which <= 1:
        point = at(46.0 + dice.randrange(900) / 1000, 126.0 + dice.randrange(900) / 1000)
        bench.report(f"{dice.random()}", dice.choice(KINDS), location=point)
    elif which == 2:
        bench.spine.handle([claim(incident_id, dice.choice(("urban-lighting", "desk-110", "power-supply")))])
    elif which == 3:
        bench.spine.handle([CancelIncident(incident_id=incident_id, body=CancelBody(reason="试"), sender="desk-110")])
    elif which == 4:
        body = PrioritizeBody(priority=dice.choice(("P1", "P2", "P3", "P4")))
        bench.spine.handle([PrioritizeIncident(incident_id=incident_id, body=body, sender="desk-110")])
    else:
        body_of = ResolveBody(responder="desk-110", reason="电话里解决了")
        bench.spine.handle([ResolveIncident(incident_id=incident_id, body=body_of, sender="desk-110")])


def _in_order(bench: Bench) -> list[str]:
    """As the states alone say."""
    with bench.store.reading() as connection:
        docs = connection.execute(tables.incidents.select().with_only_columns(tables.incidents.c.doc)).scalars()
        found = [msgspec.json.decode(doc, type=Incident) for doc in docs]
    is_open = sorted((it for it in found if it.state in OPEN_STATES), key=lambda it: _urgency(it, bench.now))
    rest = sorted((it.id for it in found if it.state not in OPEN_STATES), reverse=True)
    return [*(it.id for it in is_open), *rest]


def _urgency(it: Incident, now: datetime) -> tuple[str, float, str]:
    running = [clock for clock in it.clocks if clock.stopped_at is None and clock.paused_at is None]
    if not running:
        return it.priority, float("inf"), it.id
    clock = min(running, key=lambda clock: clock.due_at)
    return it.priority, (clock.due_at - now) / max(clock.due_at - clock.started_at, timedelta(seconds=1)), it.id


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "W10", "WzEsMSxbInIiLCJ4Il1d", "%%%", base64.urlsafe_b64encode(b'[1,-1,["r","A"]]').decode()],
)
def test_a_cursor_of_somebody_else_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadCursor), store.reading() as connection:
        page(connection, ALL, Moment(NOON, 0), cursor=cursor, limit=1)


def test_a_page_reads_the_urgent_ones_alone(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    for number in range(1, 4):
        save(store, told_opening(clocked(number, started=0, due=60, priority=f"P{number}")))
    asked: list[str] = []
    with store.reading() as connection:
        original = connection.execute

        def spy(statement: object, *more: object) -> object:
            asked.append(str(statement))
            return original(statement, *more)  # type: ignore[call-overload]

        connection.execute = spy  # type: ignore[method-assign, assignment]
        page(connection, ALL, Moment(NOON, 3), cursor=None, limit=1)
    store.close()
    assert sum("words" in each or "clock_due_at" in each for each in asked) == 2  # P1 and, for the next page, P2
