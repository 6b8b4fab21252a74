"""Who is answered at all, and with which headers."""

from __future__ import annotations

import httpx
import pytest

from dispatcher.bootstrap import Engine
from dispatcher.settings import Settings
from tests.integration.web.conftest import BASE, Door, report

pytestmark = pytest.mark.anyio
PATHS = [
    "/",
    "/report",
    "/static/console.css",
    "/api/v1/incidents",
    "/livez",
    "/readyz",
    "/metrics",
    "/nowhere",
    "/incidents/x",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_headers(door: Door, path: str) -> None:
    for answer in (await door.client.get(path), await door.client.delete(path)):
        guarded(answer)


def guarded(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"]


async def test_so_do_refusals_at_the_door_and_bodies_that_are_too_large(door: Door) -> None:
    guarded(await door.client.get("/", headers={"Host": "evil.example"}))
    guarded(await door.client.post("/api/v1/reports", json=report(), headers={"Origin": "http://evil.example"}))
    guarded(await door.raw("/api/v1/reports", b" " * 2_000_000))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/api/v1", "/incidents", "/api/v1/incidents/x/explode"]
)
async def test_unknown_routes_are_problems(door: Door, method: str, path: str) -> None:
    answer = await door.client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["title"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/reports"),
        ("PUT", "/api/v1/reports"),
        ("POST", "/api/v1/incidents"),
        ("GET", "/api/v1/incidents/x/claim"),
        ("POST", "/api/v1/incidents/x/timeline"),
        ("POST", "/metrics"),
        ("DELETE", "/"),
    ],
)
async def test_unknown_methods_are_problems(door: Door, method: str, path: str) -> None:
    answer = await door.client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["title"]) == (405, "MethodNotAllowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8311", 200),
        ("127.0.0.1", 200),
        ("localhost:8311", 200),
        ("LOCALHOST", 200),
        ("[::1]:8311", 200),
        ("desk.example", 200),
        ("desk.example:443", 200),
        ("evil.example", 421),
        ("evil.example:8311", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("192.168.1.7:8311", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
async def test_only_our_own_names_are_answered(door: Door, host: str, status: int) -> None:
    answer = await door.client.get("/api/v1/incidents", headers={"Host": host})
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["title"] == "MisdirectedRequest"


async def test_machines_may_ask_for_our_health_under_any_name(door: Door) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await door.client.get(path, headers={"Host": "10.0.0.7:8311"})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Origin": BASE}, True),
        ({"Origin": BASE, "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": BASE, "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
async def test_a_page_of_another_origin_changes_nothing(
    door: Door, engine: Engine, headers: dict[str, str], *, taken: bool
) -> None:
    before = engine.store.last_position()
    answers = [
        await door.client.post("/api/v1/reports", json=report(), headers=headers),
        await door.client.post("/report", data={"text": "路灯坏了", "key": "k"}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == ([201, 303] if taken else [403, 403])
    assert (engine.store.last_position() > before) is taken


async def test_an_admin_token_is_needed_to_publish(door: Door, settings: Settings) -> None:
    for given in ("", "Bearer", "Bearer wrong", settings.admin_token, f"Basic {settings.admin_token}"):
        answer = await door.client.post("/api/v1/bundles", content=b"{}", headers={"Authorization": given})
        assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert settings.admin_token not in answer.text
