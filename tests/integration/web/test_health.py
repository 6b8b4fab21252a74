from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.settings import Settings
from dispatcher.web.app import create_app
from tests.integration.web.conftest import BASE, Door, SetClock, report

pytestmark = pytest.mark.anyio


async def test_a_running_engine_is_alive_and_ready(door: Door) -> None:
    assert (await door.get("/livez")).json() == {"status": "alive", "problems": []}
    assert (await door.get("/readyz")).json() == {"status": "ready", "problems": []}


async def test_metrics_count_what_was_committed(door: Door) -> None:
    await door.report()
    answer = await door.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'dispatch_reports_total{outcome="opened"} 1.0' in answer.text


@pytest.fixture
async def empty_door(settings: Settings, clock: SetClock) -> AsyncIterator[Door]:
    """An engine on which no bundle was ever published."""
    engine = open_engine(settings, clock)
    engine.writer.start()
    transport = httpx.ASGITransport(cast("Any", create_app(engine)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Door(client, engine)
    engine.stop()


async def test_without_a_bundle_nothing_is_acknowledged(empty_door: Door) -> None:
    ready = await empty_door.get("/readyz")
    assert (ready.status_code, ready.json()["problems"]) == (503, ["no bundle is published"])
    assert (await empty_door.get("/livez")).status_code == 200
    for answer in (
        await empty_door.post("/api/v1/reports", report()),
        await empty_door.post("/api/v1/reports:batch", [report()]),
        await empty_door.get("/api/v1/incidents"),
    ):
        assert (answer.status_code, answer.json()["title"]) == (503, "Unavailable")
        assert int(answer.headers["retry-after"]) > 0
    page = await empty_door.get("/")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Nothing was recorded" in page.text


async def test_while_the_database_is_away_nothing_is_acknowledged_and_afterwards_all_is_well(
    door: Door, engine: Engine, tmp_path: Path
) -> None:
    """Another connection holds the file's write lock for longer than the store waits."""
    before = engine.store.last_position()
    holder = sqlite3.connect(tmp_path / "liandong.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    sent = report()
    away = await door.post("/api/v1/reports", sent)
    holder.execute("ROLLBACK")
    holder.close()
    assert (away.status_code, away.json()["title"]) == (503, "Unavailable")
    assert away.headers["retry-after"] == "1"
    assert engine.store.last_position() == before
    assert (await door.post("/api/v1/reports", sent)).status_code == 201


async def test_a_stopped_writer_acknowledges_nothing(door: Door, engine: Engine) -> None:
    engine.writer.stop()
    answer = await door.post("/api/v1/reports", report())
    assert (answer.status_code, answer.json()["title"]) == (503, "Unavailable")


async def test_without_its_writer_it_is_not_ready(door: Door) -> None:
    door.engine.writer.stop()
    answer = await door.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["the writer has ended"])
