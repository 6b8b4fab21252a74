"""The document and the application say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from litestar.routes import HTTPRoute

from dispatcher.bootstrap import Engine
from dispatcher.web.app import framework
from schemas.openapi import openapi
from tests.integration.web.conftest import Door, report

pytestmark = pytest.mark.anyio
_MACHINES = re.compile(r"/api/|/livez|/readyz|/metrics")


def test_every_route_is_in_the_document_and_the_other_way_round(engine: Engine) -> None:
    served = {
        (method, re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path))
        for route in framework(engine).routes
        if _MACHINES.match(route.path)
        for method in (route.methods if isinstance(route, HTTPRoute) else {"POST"})
        if method != "OPTIONS"
    }
    described = {(method.upper(), path) for path, item in openapi()["paths"].items() for method in item}
    assert served == described


async def test_the_document_is_served(door: Door) -> None:
    answer = await door.get("/api/v1/openapi.json")
    assert answer.json() == openapi()


async def test_answers_are_as_described(door: Door) -> None:
    taken = await door.report()
    incident = taken["incident_id"]
    await check(door, "POST", "/api/v1/reports", {}, report(source_id="1"), 201)
    await check(door, "POST", "/api/v1/reports", {}, report(source_id="1"), 200)
    await check(door, "POST", "/api/v1/reports", {}, report(source_id="1", text="else"), 409)
    await check(door, "POST", "/api/v1/reports", {}, [], 422, "default")
    await check(door, "POST", "/api/v1/reports:batch", {}, [report(), 7], 200)
    for verb, body, status in [
        ("claim", {"responder": "roads"}, 403),
        ("claim", {"responder": "urban-lighting"}, 200),
        ("return", {"responder": "urban-lighting"}, 422),
        ("resolve", {"responder": "urban-lighting", "outcome": "换了灯泡"}, 200),
        ("cancel", {"reason": "x"}, 409),
        ("close", {}, 200),
    ]:
        await check(door, "POST", f"/api/v1/incidents/{{incident_id}}/{verb}", {"incident_id": incident}, body, status)
    for path in ("", "/timeline", "/explanation", "/nearby"):
        await check(door, "GET", f"/api/v1/incidents/{{incident_id}}{path}", {"incident_id": incident}, None, 200)
        await check(door, "GET", f"/api/v1/incidents/{{incident_id}}{path}", {"incident_id": "0"}, None, 404)
    for path in (
        "/api/v1/incidents",
        "/api/v1/counts",
        "/api/v1/responders",
        "/api/v1/bundles/active",
        "/livez",
        "/readyz",
    ):
        await check(door, "GET", path, {}, None, 200)
    own = "/api/v1/responders/{responder_id}/incidents"
    await check(door, "GET", own, {"responder_id": "urban-lighting"}, None, 200)
    await check(door, "POST", "/api/v1/reports:similar", {}, {"text": "路灯坏了"}, 200)
    await check(door, "POST", "/api/v1/reports:similar", {}, {"text": 7}, 422, "default")
    await check(door, "POST", "/api/v1/bundles", {}, {}, 401, "default")


async def check(
    door: Door, method: str, path: str, names: dict[str, str], body: object, status: int, described: str = ""
) -> None:
    answer = await door.client.request(method, path.format(**names), json=body)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = openapi()
    said = document["paths"][path][method.lower()]["responses"][described or str(status)]
    media = answer.headers["content-type"].partition(";")[0]
    schema = said["content"][media]["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())
