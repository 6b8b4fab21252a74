"""Many claim at once: one wins, every loser is told who and when; by HTTP, and by the thousand through the writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from msgspec.structs import replace

from benchmarks.claiming import CATEGORY, is_fair, race_all
from benchmarks.claims import wins
from dispatcher.bootstrap import Engine, open_engine
from dispatcher.settings import Settings
from schemas.command_bodies import ClaimBody
from schemas.commands import ClaimIncident, SubmitReport
from schemas.outcomes import Refused, Taken
from schemas.refusals import AlreadyClaimed
from schemas.reports import Report
from tests.installation import Installation
from tests.warm_parent import WarmParent

CLAIMANTS: Final = 16
ROUNDS: Final = 25
RIVALS: Final = ("sanitation", "property-management")
SEED: Final = 20_250_112
PAGE: Final = 1_000
BATCH: Final = 200
PAIRS: Final = 25


@pytest.fixture
def http(warm: WarmParent, tmp_path: Path) -> Iterator[httpx.Client]:
    with Installation(warm, tmp_path / "var").serving() as client:
        yield client


def test_of_sixteen_at_once_one_responder_wins(http: httpx.Client) -> None:
    winners = set()
    with ThreadPoolExecutor(CLAIMANTS) as crowd:
        for number in range(ROUNDS):
            report = {"source": "110", "source_id": str(number), "category": "sanitation/garbage"}
            incident_id = http.post("/api/v1/reports", json=report).json()["incident_id"]
            gate = threading.Barrier(CLAIMANTS)

            def claim(n: int, incident_id: str = incident_id, gate: threading.Barrier = gate) -> tuple[int, Any]:
                gate.wait()
                answer = http.post(f"/api/v1/incidents/{incident_id}/claim", json={"responder": RIVALS[n % 2]})
                return answer.status_code, answer.json()

            answers = list(crowd.map(claim, range(CLAIMANTS)))
            told = {(body["holder"], body["claimed_at"]) for _, body in answers}
            assert len(told) == 1, answers
            assert sorted(status for status, _ in answers) == [200] * (CLAIMANTS // 2) + [409] * (CLAIMANTS // 2)
            assert {body["title"] for status, body in answers if status == 409} == {"AlreadyClaimed"}
            entries = http.get(f"/api/v1/incidents/{incident_id}/timeline").json()["entries"]
            claims = [entry["event"] for entry in entries if entry["type"] == "IncidentClaimed"]
            assert [(each["responder"], each["at"]) for each in claims] == list(told), "once in the journal"
            winners.add(claims[0]["responder"])
    assert winners == set(RIVALS), "a race that always ends the same is none"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(Settings(database=f"sqlite:///{tmp_path}/x.db", var=tmp_path))
    opened.start(tick=False)
    yield opened
    opened.stop()


@pytest.mark.parametrize(
    "races",
    [pytest.param(1_000, id="1000"), pytest.param(1_000_000, id="a million", marks=pytest.mark.chaos)],
)
def test_no_race_is_won_twice(engine: Engine, races: int) -> None:
    """Dice by a fixed seed say who is first to ask; which of two the writer takes first, the threads say."""
    for start in range(0, races, PAGE):
        position = engine.store.last_position()
        incidents = [opened for each in range(start, start + PAGE, BATCH) for opened in open_garbage(engine, each)]
        took_ms, unfair = asyncio.run(race_all(engine, incidents, PAIRS, seed=SEED + start))
        assert (len(took_ms), unfair) == (2 * PAGE, [])
        won = wins(engine.store, position)
        assert won == dict.fromkeys(incidents, 1), "once in the journal"
    assert engine.store.verify_journal() is None


def open_garbage(engine: Engine, start: int) -> list[str]:
    numbers = range(start, start + BATCH)
    reports = [Report(source="110", source_id=f"g{number}", category=CATEGORY) for number in numbers]
    outcomes = engine.writer.submit([SubmitReport(report=report) for report in reports]).result()
    return [outcome.answer.incident_id for outcome in outcomes if isinstance(outcome, Taken)]


def test_a_race_won_twice_or_told_wrong_is_found(engine: Engine) -> None:
    """What `is_fair` is worth."""
    incident_id = open_garbage(engine, 0)[0]
    tries = [ClaimIncident(incident_id=incident_id, sender=who, body=ClaimBody(responder=who)) for who in RIVALS]
    won, lost = engine.writer.submit(tries).result()
    assert isinstance(lost, Refused)
    assert isinstance(lost.refusal, AlreadyClaimed)
    assert is_fair([won, lost])
    assert is_fair([lost, won])
    assert not is_fair([won, won])
    assert not is_fair([lost, lost])
    at = datetime(2025, 1, 12, tzinfo=UTC)
    for told in (replace(lost.refusal, holder=RIVALS[1]), replace(lost.refusal, claimed_at=at)):
        assert not is_fair([won, Refused(refusal=told)])
