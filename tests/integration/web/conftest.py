"""A real engine on a real SQLite file with the pack `qinggang`, asked through the whole application."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from dispatcher.bootstrap import Engine, open_engine
from dispatcher.settings import Settings
from dispatcher.web.app import create_app

ADMIN_TOKEN = "an invented token"
BASE = "http://127.0.0.1:8311"
START = datetime(2025, 1, 12, 4, 25, tzinfo=UTC)


class SetClock:
    """The engine's clock, moved by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Overridden where a file's questions are asked of both stores."""
    return sqlite_url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(database=database_url, var=tmp_path, admin_token=ADMIN_TOKEN, allowed_hosts=("desk.example",))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the pack published, to begin from: reading a pack takes longer than most tests."""
    folder = tmp_path_factory.mktemp("published")
    database = folder / "liandong.sqlite"
    made = open_engine(Settings(database=f"sqlite:///{database}", var=folder), SetClock(START))
    made.start(tick=False)
    made.stop()
    return database


@pytest.fixture
def engine(settings: Settings, clock: SetClock, published: Path) -> Iterator[Engine]:
    if settings.database.startswith("sqlite"):
        shutil.copyfile(published, settings.database.removeprefix("sqlite:///"))
    running = open_engine(settings, clock)
    if running.store.jurisdictions():
        running.writer.start()
    else:
        running.start(tick=False)
    yield running
    running.stop()


class Door:
    """The application as a client sees it; every test runs its own event loop in it."""

    def __init__(self, client: httpx.AsyncClient, engine: Engine) -> None:
        self.client = client
        self.engine = engine

    async def post(self, path: str, body: object = None, **more: Any) -> httpx.Response:
        return await self.client.post(path, json=body, **more)

    async def raw(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=content, headers=named)

    async def get(self, path: str, **params: str | int) -> httpx.Response:
        return await self.client.get(path, params=params)

    async def report(self, **fields: object) -> dict[str, Any]:
        """A new report taken; its answer."""
        answer = await self.post("/api/v1/reports", report(**fields))
        assert answer.status_code == 201, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    async def command(self, incident_id: str, verb: str, key: str | None = None, **body: object) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(f"/api/v1/incidents/{incident_id}/{verb}", json=body, headers=headers)


def report(**fields: object) -> dict[str, object]:
    """A streetlight in Qinggang, unless said otherwise; invented reporter."""
    return {
        "source": "110",
        "source_id": uuid.uuid4().hex,
        "channel": "phone",
        "text": "泰和街21号门前路灯坏了",
        "area": "231223100",
        "location": {"lat": 46.69, "lon": 126.10, "crs": "WGS-84"},
        "reported_at": "2025-01-12T12:22:00+08:00",
        "reporter": {"name": "Invented Zhang", "phone": "000-0000-0000"},
    } | fields


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def door(engine: Engine) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(cast("Any", create_app(engine)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Door(client, engine)
