"""The database goes away under a running server: 503, nothing acknowledged, and work again without a restart."""

from __future__ import annotations

import resource
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.postgres_databases import PostgresDatabases
from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Store
from tests.installation import Installation
from tests.warm_parent import Child, WarmParent


@pytest.fixture
def mortal_postgres(postgres_server: PostgresDatabases) -> Iterator[PostgresServer]:
    """A server of this test's own, to be stopped; skipped where `postgres_server` is."""
    assert postgres_server is not None
    server = PostgresServer()
    server.start()
    yield server
    server.stop()
    server.remove_temporary()


def _report(text: str = "门前路灯坏了") -> dict[str, object]:
    return {"source": "110", "source_id": uuid.uuid4().hex, "text": text, "category": "water/outage"}


def _until(http: httpx.Client, body: dict[str, object], seen: Callable[[httpx.Response], bool]) -> httpx.Response:
    give_up_at = time.monotonic() + 20
    while not seen(answer := http.post("/api/v1/reports", json=body)):
        assert time.monotonic() < give_up_at, answer.text
        time.sleep(0.1)
    return answer


def _is_away(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    told: dict[str, Any] = answer.json()
    assert told["title"] == "Unavailable"
    assert "nothing was acknowledged" in told["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.crash], ids=["stopped", "crashed"])
def test_postgres_away_is_503_and_it_recovers_by_itself(
    warm: WarmParent, tmp_path: Path, mortal_postgres: PostgresServer, end: Callable[[PostgresServer], None]
) -> None:
    url = mortal_postgres.create_database("liandong")
    installation = Installation(warm, tmp_path / "var", LIANDONG_DATABASE=url)
    known, lost = _report(), _report()
    with installation.serving() as http:
        taken = http.post("/api/v1/reports", json=known)
        incident = f"/api/v1/incidents/{taken.json()['incident_id']}"
        end(mortal_postgres)
        for body in (lost, known):
            started = time.monotonic()
            _is_away(http.post("/api/v1/reports", json=body))
            assert time.monotonic() - started < 10
        _is_away(http.post(f"{incident}/claim", json={"responder": "water-works"}))
        _is_away(http.get(incident))
        _is_away(http.get("/api/v1/incidents"))
        page = http.get("/?lang=en")
        assert (page.status_code, "The database cannot be reached" in page.text) == (503, True)
        assert (http.get("/livez").status_code, http.get("/metrics").status_code) == (200, 200)
        not_ready = http.get("/readyz")
        assert (not_ready.status_code, "database" in not_ready.text) == (503, True)
        mortal_postgres.start()
        first = _until(http, lost, lambda answer: answer.status_code != 503)
        assert first.status_code == 201, "nothing of it was there: it had never been acknowledged"
        again = http.post("/api/v1/reports", json=known)
        assert (again.status_code, again.json()) == (200, taken.json())
        assert http.post(f"{incident}/claim", json={"responder": "water-works"}).status_code == 200
        _wait_until_ready(http)
    store = Store.open(url)
    assert (store.verify_journal(), store.last_position()) == (None, 4)  # the bundle, two reports, one claim
    store.close()


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_503_until_it_does(warm: WarmParent, tmp_path: Path) -> None:
    """No file of the process may grow past where its log stands now; the limit of a full disk, without filling one."""
    installation = Installation(warm, tmp_path / "var")
    server = installation.start()
    with httpx.Client(base_url=installation.base, trust_env=False, timeout=30) as http:
        assert http.post("/api/v1/reports", json=_report()).status_code == 201
        size = max(file.stat().st_size for file in installation.folder.glob("liandong.db*"))
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        acknowledged: list[str] = []
        refused = _report("x" * 100_000)
        while (answer := http.post("/api/v1/reports", json=refused)).status_code == 201:
            acknowledged.append(answer.json()["report_id"])
            refused = _report("x" * 100_000)
        _is_away(answer)
        assert http.get("/livez").status_code == 200
        assert len(http.get("/api/v1/incidents").json()["items"]) == 1 + len(acknowledged)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        taken = _until(http, refused, lambda answer: answer.status_code != 503)
        assert taken.status_code == 201
        acknowledged.append(taken.json()["report_id"])
    _end(server)
    store = Store.open(f"sqlite:///{installation.folder / 'liandong.db'}")
    assert store.verify_journal() is None
    assert store.bodies(acknowledged).keys() == set(acknowledged)
    store.close()


def _wait_until_ready(http: httpx.Client) -> None:
    """The loops notice within a second or two that they work again."""
    give_up_at = time.monotonic() + 10
    while (answer := http.get("/readyz")).status_code != 200:
        assert time.monotonic() < give_up_at, answer.text
        time.sleep(0.1)


def _end(server: Child) -> None:
    server.terminate()
    assert server.wait() == 0
