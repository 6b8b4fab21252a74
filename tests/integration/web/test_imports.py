"""What an import needs of the HTTP door: due times that count, and dead letters."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from dispatcher.store import tables
from tests.integration.web.conftest import ADMIN_TOKEN, report

if TYPE_CHECKING:
    from tests.integration.web.conftest import Door

pytestmark = pytest.mark.anyio
BATCH = "/api/v1/reports:batch"
ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
DUE = {"claim_at": None, "resolution_at": "2025-02-01T00:00:00Z"}


def letter(**fields: object) -> dict[str, object]:
    raw = base64.b64encode(b"1,2,\xff\n").decode()
    return {"raw": raw, "reason": "broken-row", "origin": "old.csv:7", "headers": {"problem": "is not utf-8"}} | fields


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer no"}])
async def test_trusted_needs_the_admin_token(door: Door, headers: dict[str, str]) -> None:
    answer = await door.post(f"{BATCH}?trusted=true", [report(due=DUE)], headers=headers)
    assert answer.status_code == 401
    assert (await door.get("/api/v1/incidents")).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "due", "warned"),
    [("?trusted=true", "2025-02-01T00:00:00Z", False), ("?trusted=false", None, True), ("", None, True)],
)
async def test_due_times_count_when_trusted(door: Door, query: str, due: str | None, *, warned: bool) -> None:
    (taken,) = (await door.post(BATCH + query, [report(due=DUE)], headers=ADMIN)).json()
    assert taken["status"] == 201
    assert (taken["resolution_due_at"] == "2025-02-01T00:00:00Z") == (due is not None)
    assert (taken["claim_due_at"] is None) == (due is not None)
    assert any("due-ignored" in warning for warning in taken["warnings"]) == warned


async def test_trusted_is_true_or_false(door: Door) -> None:
    answer = await door.post(f"{BATCH}?trusted=yes", [report()], headers=ADMIN)
    assert (answer.status_code, answer.json()["parameter"]) == (422, "trusted")


async def test_dead_letters_are_kept_once(door: Door) -> None:
    first = (await door.post("/api/v1/dead-letters", [letter(), letter(origin="old.csv:8")], headers=ADMIN)).json()
    again = (await door.post("/api/v1/dead-letters", [letter()], headers=ADMIN)).json()
    assert [(one["status"], one["repeated"]) for one in (*first, *again)] == [(201, False), (201, False), (200, True)]
    assert first[0]["letter_id"] == again[0]["letter_id"] != first[1]["letter_id"]
    with door.engine.store.reading() as connection:
        kept = connection.execute(select(tables.letters).where(tables.letters.c.origin == "old.csv:7")).one()
    assert (kept.raw, kept.reason) == (b"1,2,\xff\n", "broken-row")
    assert json.loads(kept.headers) == {"problem": "is not utf-8"}


async def test_dead_letters_need_the_admin_token(door: Door) -> None:
    assert (await door.post("/api/v1/dead-letters", [letter()])).status_code == 401


@pytest.mark.parametrize("wrong", [{"raw": "%"}, {"reason": ""}, {"origin": None}, {"more": 1}])
async def test_a_wrong_letter_does_not_stop_the_others(door: Door, wrong: dict[str, Any]) -> None:
    told = (await door.post("/api/v1/dead-letters", [letter(**wrong), letter()], headers=ADMIN)).json()
    assert [one["status"] for one in told] == [422, 201]
    assert told[0]["title"] == "Undecodable"
