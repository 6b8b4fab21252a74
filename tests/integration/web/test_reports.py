from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from dispatcher.bootstrap import Engine
from tests.integration.web.conftest import Door, report

pytestmark = pytest.mark.anyio
MIB = 1_048_576


async def test_a_report_is_routed_and_answered(door: Door) -> None:
    answer = await door.post("/api/v1/reports", report(source_id="20250112-0001"))
    assert answer.status_code == 201
    taken = answer.json()
    assert {name: taken[name] for name in ("state", "category", "owner", "mode", "offers", "copies", "joined")} == {
        "state": "offered",
        "category": "lighting/streetlight",
        "owner": "urban-lighting",
        "mode": "first-claim",
        "offers": ["urban-lighting"],
        "copies": ["desk-110"],
        "joined": False,
    }
    assert taken["claim_due_at"] == "2025-01-12T04:45:00Z"
    assert taken["bundle"].startswith("sha256:")
    assert taken["warnings"] == []


async def test_the_same_report_again_gets_the_same_answer(door: Door) -> None:
    sent = report()
    first = await door.post("/api/v1/reports", sent)
    assert await claim(door, first.json()["incident_id"]) == 200
    again = await door.post("/api/v1/reports", dict(reversed(sent.items())))
    assert (again.status_code, again.content) == (200, first.content)


async def claim(door: Door, incident_id: str) -> int:
    return (await door.command(incident_id, "claim", responder="urban-lighting")).status_code


async def test_the_same_id_with_other_content_is_a_conflict(door: Door, engine: Engine) -> None:
    first = (await door.post("/api/v1/reports", report(source_id="1"))).json()
    answer = await door.post("/api/v1/reports", report(source_id="1", text="另一件事,路灯没坏"))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["title"], told["status"]) == ("ReportConflict", 409)
    assert (told["report_id"], told["incident_id"]) == (first["report_id"], first["incident_id"])
    assert engine.store.counts().letters == 1


async def test_unknown_fields_are_kept_and_warned_about(door: Door) -> None:
    taken = await door.report(colour="blue")
    assert taken["warnings"] == ["unknown-field: colour"]


async def test_what_the_content_says_is_never_a_reason_to_refuse(door: Door) -> None:
    taken = await door.report(
        category="no/such", location={"lat": 4669.0, "lon": 126.1}, reported_at="1900-01-01T00:00:00Z"
    )
    assert taken["owner"] == "desk-110"
    assert len(taken["warnings"]) >= 2
    assert taken["reasons"] == ["unknown-category: no/such"]


WRONG = [
    pytest.param(b"", 400, id="empty"),
    pytest.param(b"not json", 400, id="not JSON"),
    pytest.param(b'{"source":"110"', 400, id="cut off"),
    pytest.param(b'{"source":"110","source_id":"1","text":"\xff"}', 400, id="not UTF-8"),
    pytest.param(b'{"source":"110","source_id":"1","text":"\\ud800"}', 400, id="lone surrogate at the end"),
    pytest.param(b'{"source":"110","source_id":"1","text":"\\udc00 and more"}', 400, id="lone low surrogate"),
    pytest.param(b'{"source":"110","source_id":"1","text":"\xed\xa0\x80"}', 400, id="surrogate in UTF-8"),
    pytest.param(b'{"source":"110","source_id":"1","text":"x","location":{"lat":NaN,"lon":1}}', 400, id="NaN"),
    pytest.param(
        b'{"source":"110","source_id":"1","text":"x","location":{"lat":Infinity,"lon":1}}', 400, id="Infinity"
    ),
    pytest.param(b'{"source":"110","source_id":"1","text":"x","location":{"lat":1e999,"lon":1}}', 400, id="1e999"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, 400, id="deep array"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, id="deep object"),
    pytest.param(b'{"source":"110","source_id":"1","text":"a\\u0000b"}', 422, id="NUL"),
    pytest.param(b'{"source":"110","source_id":"1","text":"x","\\u0000":1}', 422, id="NUL in a name"),
    pytest.param(b'{"source":"110","source_id":"1\\u0000","text":"x"}', 422, id="NUL in an id"),
    pytest.param(b"[]", 422, id="no object"),
    pytest.param(b"null", 422, id="null"),
    pytest.param(b'{"source":"110","text":"x"}', 422, id="no source_id"),
    pytest.param(b'{"source":"110","source_id":"1"}', 422, id="neither text nor category"),
    pytest.param(b'{"source":"110","source_id":"1","text":"  "}', 422, id="blank text"),
    pytest.param(b'{"source":"","source_id":"1","text":"x"}', 422, id="empty source"),
    pytest.param(b'{"source":110,"source_id":"1","text":"x"}', 422, id="number for text"),
    pytest.param(b'{"source":"110","source_id":"1","text":"x","reported_at":"yesterday"}', 422, id="no instant"),
    pytest.param(
        b'{"source":"110","source_id":"1","text":"x","location":{"lat":"46","lon":1}}', 422, id="text for number"
    ),
    pytest.param(
        b'{"source":"110","source_id":"1","text":"x","due":{"claim_at":"2025-01-12T12:22:00"}}', 422, id="due, no zone"
    ),
    pytest.param(b'{"source":"110","source_id":"1","text":"x","attributes":{"a":{"b":1}}}', 422, id="nested attribute"),
]


@pytest.mark.parametrize(("raw", "status"), WRONG)
async def test_what_cannot_be_parsed_or_typed_is_told_and_nothing_is_taken(
    door: Door, engine: Engine, raw: bytes, status: int
) -> None:
    before = engine.store.last_position()
    answer = await door.raw("/api/v1/reports", raw)
    assert is_problem(answer, status, "Undecodable")
    assert answer.json()["detail"]
    assert engine.store.last_position() == before


def is_problem(answer: httpx.Response, status: int, title: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    return (answer.status_code, told["status"], told["title"], told["type"]) == (status, status, title, "about:blank")


async def test_a_body_of_a_mebibyte_is_taken(door: Door) -> None:
    empty = len(json.dumps(report(source_id="1", text="")).encode())
    full = json.dumps(report(source_id="1", text="x" * (MIB - empty))).encode()
    assert len(full) == MIB
    assert (await door.raw("/api/v1/reports", full)).status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/reports", "/api/v1/reports:batch"])
async def test_a_body_over_a_mebibyte_is_refused(door: Door, path: str) -> None:
    assert is_problem(await door.raw(path, b" " * (MIB + 1)), 413, "BodyTooLarge")


async def test_a_body_of_unknown_length_is_cut_off_at_the_cap(door: Door) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while read < 100 * MIB:
            read += 65_536
            yield b" " * 65_536

    answer = await door.client.post("/api/v1/reports", content=endless())
    assert is_problem(answer, 413, "BodyTooLarge")
    assert read <= 2 * MIB


async def test_a_batch_gets_one_result_for_each_item_in_order(door: Door) -> None:
    sent = [report(source_id="1"), report(source_id="1"), {"source": "110"}, report(source_id="1", text="else"), 7]
    answer = await door.post("/api/v1/reports:batch", sent)
    assert answer.status_code == 200
    results = answer.json()
    assert [result["status"] for result in results] == [201, 200, 422, 409, 422]
    assert results[0] | {"status": 200} == results[1]
    assert [result.get("title") for result in results[2:]] == ["Undecodable", "ReportConflict", "Undecodable"]


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json", ""])
async def test_lines_of_json_are_a_batch_too(door: Door, content_type: str) -> None:
    lines = [json.dumps(report(source_id="1")), "", "{broken", json.dumps(report(source_id="2")) + "\r"]
    answer = await door.raw("/api/v1/reports:batch", "\n".join(lines).encode(), Content_Type=content_type)
    assert [result["status"] for result in answer.json()] == [201, 400, 201]


async def test_one_item_that_is_not_json_does_not_stop_the_others(door: Door) -> None:
    good = json.dumps(report(source_id="1"))
    bad = [
        '{"source":"110","source_id":"2","text":"x","location":{"lat":NaN,"lon":1}}',
        '{"source":"110","source_id":"3","text":"\\ud800"}',
        '{"source":"110","source_id":"4","text":"a\\u0000b"}',
    ]
    answer = await door.raw("/api/v1/reports:batch", f" [ {bad[0]},{bad[1]} , {good},{bad[2]} ] ".encode())
    assert [result["status"] for result in answer.json()] == [400, 400, 201, 422]


@pytest.mark.parametrize(
    "raw", [b"[", b"[{}", b"[{} {}]", b"[{},]", b"[,]", b"[NaN", b"[NaN,", b"[NaN] x", b"[" * 100_000]
)
async def test_a_batch_that_cannot_be_cut_into_items_is_refused_whole(door: Door, raw: bytes) -> None:
    assert is_problem(await door.raw("/api/v1/reports:batch", raw), 400, "Undecodable")


@pytest.mark.parametrize("raw", [b"[]", b" [ ] ", b"", b"\n\n"])
async def test_an_empty_batch_has_no_results(door: Door, raw: bytes) -> None:
    answer = await door.raw("/api/v1/reports:batch", raw)
    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_batch_has_a_largest_count(door: Door) -> None:
    assert is_problem(await door.raw("/api/v1/reports:batch", b"1\n" * 10_001), 413, "BatchTooLarge")


async def test_many_at_once_are_all_taken_once(door: Door) -> None:
    sent = [report(source_id=f"{number % 40}", reporter=None) for number in range(80)]
    answers = await asyncio.gather(*(door.post("/api/v1/reports", one) for one in sent))
    assert sorted(answer.status_code for answer in answers) == [200] * 40 + [201] * 40
    for number in range(40):
        assert answers[number].content == answers[number + 40].content


async def test_only_the_desk_and_holders_see_the_reporter_and_it_is_journalled(door: Door) -> None:
    taken = await door.report()
    path = f"/api/v1/reports/{taken['report_id']}/reporter"
    refused = await door.get(path, responder="urban-lighting")
    assert is_problem(refused, 403, "NotYours")
    assert is_problem(await door.get(path), 422, "ResponderRequired")
    await claim(door, taken["incident_id"])
    for responder in ("urban-lighting", "desk-110"):
        shown = await door.get(path, responder=responder)
        assert shown.status_code == 200
        assert shown.json() == {
            "report_id": taken["report_id"],
            "incident_id": taken["incident_id"],
            "reporter": {"name": "Invented Zhang", "phone": "000-0000-0000"},
        }
    entries = (await door.get(f"/api/v1/incidents/{taken['incident_id']}/timeline")).json()["entries"]
    read = [entry["event"]["responder"] for entry in entries if entry["type"] == "ReporterRead"]
    assert read == ["urban-lighting", "desk-110"]


@pytest.mark.parametrize("report_id", ["x", "01JHCC43B0CF0T04X2K8D2K8XY", "%00", "01jhcc43b0cf0t04x2k8d2k8xy"])
async def test_no_such_report(door: Door, report_id: str) -> None:
    answer = await door.get(f"/api/v1/reports/{report_id}/reporter", responder="desk-110")
    assert is_problem(answer, 404, "UnknownReport")
