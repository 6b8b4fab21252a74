"""Who asked may go away before the answer is there; the writer goes on for the others."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from dispatcher.bootstrap import Engine
from dispatcher.web.app import create_app
from schemas.commands import SubmitReport
from schemas.reports import Report
from tests.integration.web.conftest import Door, report

pytestmark = pytest.mark.anyio


@contextmanager
def busy(tmp_path: Path) -> Iterator[None]:
    """The writer waits for the database."""
    holder = sqlite3.connect(tmp_path / "liandong.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.execute("ROLLBACK")
    holder.close()


async def test_a_request_that_is_given_up_while_it_waits(door: Door, tmp_path: Path) -> None:
    with busy(tmp_path):
        given_up = asyncio.create_task(door.post("/api/v1/reports", report(source_id="1")))
        await asyncio.sleep(0.2)
        given_up.cancel()
        await asyncio.sleep(0.2)
    assert (await door.post("/api/v1/reports", report(source_id="2"))).status_code == 201
    assert given_up.cancelled()


async def test_a_call_that_is_cancelled_while_it_waits_is_not_carried_out(
    door: Door, engine: Engine, tmp_path: Path
) -> None:
    def submit(number: str) -> SubmitReport:
        return SubmitReport(report=Report(source="110", source_id=number, text="停电"))

    with busy(tmp_path):
        at_work = engine.writer.submit([submit("1")])
        await asyncio.sleep(0.2)
        waiting = engine.writer.submit([submit("2")])
        assert waiting.cancel()
        assert not at_work.cancel()
    assert len(at_work.result(timeout=10)) == 1
    assert (await door.post("/api/v1/reports", report(source_id="3"))).status_code == 201
    assert len((await door.get("/api/v1/incidents")).json()["items"]) == 2


async def test_a_body_that_was_cut_off_is_not_taken_even_where_it_reads_well(engine: Engine) -> None:
    before = engine.store.last_position()
    messages = iter(
        [
            {"type": "http.request", "body": json.dumps(report()).encode(), "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    scope = {"type": "http", "method": "POST", "path": "/api/v1/reports", "headers": [(b"host", b"localhost")]}

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        """The client is gone."""

    await cast("Any", create_app(engine))(scope | {"query_string": b"", "root_path": ""}, receive, send)
    assert engine.store.last_position() == before
