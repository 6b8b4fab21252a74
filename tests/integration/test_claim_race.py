"""Many claim at once over HTTP: one wins, and every loser is told who and when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.installation import Installation
from tests.warm_parent import WarmParent

CLAIMANTS: Final = 16
ROUNDS: Final = 25
RIVALS: Final = ("sanitation", "property-management")


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
