"""Rows of a busy town, written by the store as the spine writes them: reports, bodies, incidents, parties, journal."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import msgspec

from benchmarks.qinggang_reports import KINDS
from dispatcher.core import next_due_at
from dispatcher.store import Changes, NewBody, NewIncident, NewJournalRow, NewReport, Store
from schemas.events import ReportReceived, RoutingDecided
from schemas.facts import Facts, RoutingDecision
from schemas.incidents import Clock, Incident, Offer
from schemas.reports import Location, Report, Reporter

HERE: Final = "cn-231223"
NOW: Final = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
RESPONDERS: Final = ("urban-lighting", "sanitation", "roads", "drains", "water-works", "power", "telecom")
_BATCH: Final = 500
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTHS_S: Final = (1_200, 3_600, 14_400, 86_400, 259_200)
_encode = msgspec.json.Encoder().encode


def fill(store: Store, open_count: int, over_count: int = 0) -> None:
    """So many open incidents and, before them, so many closed ones; a tenth of the open ones are late."""
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    made = _made(dice, open_count, over_count)
    while batch := list(islice(made, _BATCH)):
        with store.begin() as txn:
            txn.save(_changes(batch))


def _made(dice: random.Random, open_count: int, over_count: int) -> Iterator[tuple[Incident, Report]]:
    count = open_count + over_count
    for number in range(count):
        report = reported(dice, number)
        opened_at = NOW - timedelta(seconds=(count - number) * 0.9)
        yield _incident(dice, number, opened_at, report, over=number < over_count), report


def reported(dice: random.Random, number: int) -> Report:
    category, text = dice.choice(KINDS)
    place = f"示例街{dice.randrange(1, 400)}号"
    rare = "旁边的LED路灯杆倒了," if number % 5_000 == 0 else ""
    return Report(
        source="110",
        source_id=f"{number:08d}",
        channel="phone",
        text=place + rare + text,
        category=category,
        area="231223100",
        place=place,
        location=Location(lat=round(dice.uniform(46.3, 47.2), 6), lon=round(dice.uniform(125.5, 126.6), 6)),
        reporter=Reporter(name="张某某", phone="13800000000"),
    )


def _incident(dice: random.Random, number: int, opened_at: datetime, report: Report, *, over: bool) -> Incident:
    owner = RESPONDERS[[category for category, _ in KINDS].index(report.category or "")]
    claimed = over or dice.random() < 0.3
    length = timedelta(seconds=dice.choice(_LENGTHS_S))
    due_at = NOW + length * dice.uniform(-0.1, 0.9)
    stopped = opened_at if over else None
    location = report.location or Location(lat=0, lon=0)
    return Incident(
        id=_ulid(number, "A"),
        jurisdiction=HERE,
        seq=1,
        state="closed" if over else "claimed" if claimed else "offered",
        report_id=_ulid(number, "R"),
        source=report.source,
        opened_at=opened_at,
        reported_at=opened_at,
        rule="a-rule",
        bundle="sha256:" + "0" * 64,
        owner=owner,
        desk="desk-110",
        mode="first-claim",
        priority=dice.choices(("P1", "P2", "P3", "P4"), (1, 9, 70, 20))[0],
        category=report.category,
        area=report.area,
        cell=f"{round(location.lat * 1e6) // 10_000}:{round(location.lon * 1e6) // 10_000}",
        place_key=f"{dice.getrandbits(128):032x}",
        offers=(Offer(responder=owner, epoch=1, state="claimed" if claimed else "offered"),),
        copies=("desk-110",),
        clocks=(
            Clock(name="claim", started_at=due_at - length, due_at=due_at, stopped_at=opened_at if claimed else None),
            Clock(name="resolution", started_at=due_at - length, due_at=due_at + length, stopped_at=stopped),
        ),
    )


def _changes(batch: list[tuple[Incident, Report]]) -> Changes:
    changes = Changes()
    for incident, report in batch:
        name, at = incident.report_id, incident.opened_at
        doc, key = _encode(report), incident.id.encode()[-16:]
        point = (report.location.lat, report.location.lon) if report.location else (None, None)
        changes.reports.append(NewReport(HERE, key, key, name, incident.id, 1, at))
        changes.bodies.append(NewBody(HERE, name, incident.id, "report", at, doc, report.text, *point))
        changes.opened.append(NewIncident(incident, next_due_at(incident)))
        changes.journal.append(NewJournalRow(HERE, incident.id, 1, name, "source:110", at, _events(incident)))
    return changes


def _events(incident: Incident) -> tuple[ReportReceived, RoutingDecided]:
    decision = RoutingDecision(
        rule=incident.rule,
        owner=incident.owner,
        mode=incident.mode,
        offers=(incident.owner,),
        bundle=incident.bundle,
        copies=incident.copies,
        priority=incident.priority,
    )
    facts = Facts(source=incident.source, reported_at=incident.reported_at, category=incident.category)
    received = ReportReceived(
        report_id=incident.report_id, key="0" * 32, source="110", received_at=incident.opened_at, via="bench"
    )
    decided = RoutingDecided(
        incident_id=incident.id,
        jurisdiction=HERE,
        report_id=incident.report_id,
        at=incident.opened_at,
        desk=incident.desk,
        joined=False,
        state="offered",
        facts=facts,
        decision=decision,
    )
    return received, decided


def _ulid(number: int, kind: str) -> str:
    at = int((NOW - timedelta(days=30)).timestamp() * 1000) + number
    return "".join(_ALPHABET[at >> 5 * k & 31] for k in reversed(range(10))) + f"{kind}{number:015d}"
