"""Dead letters and erasing over HTTP: for the admin only, and with clear refusals."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.integration.web.conftest import ADMIN_TOKEN, Door, report

pytestmark = pytest.mark.anyio
ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
NOWHERE = "01JHB000000000000000000000"
LETTERS = "/api/v1/dead-letters"


async def kept(door: Door, raw: bytes = b"\xff{", origin: str = "old.csv:7", reason: str = "broken-row") -> str:
    item = {"raw": base64.b64encode(raw).decode(), "reason": reason, "origin": origin, "headers": {"problem": "Li"}}
    answer = await door.client.post(LETTERS, json=[item], headers=ADMIN)
    letter_id: str = answer.json()[0]["letter_id"]
    return letter_id


async def asked(
    door: Door, method: str, path: str, *, content: bytes | None = None, params: dict[str, str] | None = None
) -> httpx.Response:
    return await door.client.request(method, f"{LETTERS}{path}", content=content, params=params, headers=ADMIN)


async def listed(door: Door, **params: str) -> list[dict[str, Any]]:
    answer = await asked(door, "GET", "", params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_letter_is_listed_shown_fixed_and_redriven(door: Door) -> None:
    letter_id = await kept(door)
    (item,) = await listed(door)
    assert (item["letter_id"], item["state"], item["size"], item["is_fixed"]) == (letter_id, "open", 2, False)
    assert "Li" not in json.dumps(item)
    shown = (await asked(door, "GET", f"/{letter_id}")).json()
    assert (base64.b64decode(shown["raw"]), shown["text"], shown["headers"]) == (b"\xff{", None, {"problem": "Li"})
    stays = await asked(door, "POST", f"/{letter_id}/redrive")
    assert (stays.status_code, stays.json()["title"]) == (422, "LetterStays")
    assert stays.json()["reason"].startswith("not-json")
    fixed = await asked(door, "POST", f"/{letter_id}/fix", content=json.dumps({"text": "路灯坏了"}).encode())
    assert (fixed.status_code, fixed.json()["state"]) == (200, "open")
    answer = (await asked(door, "POST", f"/{letter_id}/redrive")).json()
    assert (answer["state"], answer["report"]["category"]) == ("redriven", "lighting/streetlight")
    again = (await asked(door, "POST", f"/{letter_id}/redrive")).json()
    assert again == answer | {"repeated": True}
    assert await listed(door) == []
    (gone,) = await listed(door, state="redriven")
    assert gone["incident_id"] == answer["report"]["incident_id"]
    incident = await door.get(f"/api/v1/incidents/{gone['incident_id']}")
    assert incident.json()["text"] == "路灯坏了"


async def test_pages_and_filters(door: Door) -> None:
    ids = [await kept(door, f"{number}".encode(), reason=f"not-json: {number}") for number in range(5)]
    other = await kept(door, b"x", reason="tombstone")
    assert [item["letter_id"] for item in await listed(door, reason="tombstone")] == [other]
    seen, cursor = [], None
    while True:
        page = (
            await asked(
                door, "GET", "", params={"limit": "2", "reason": "not-json"} | ({"cursor": cursor} if cursor else {})
            )
        ).json()
        seen += [item["letter_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(ids, reverse=True)  # newest first; of one instant in some order
    for params in ({"state": "lost"}, {"limit": "0"}, {"cursor": "x' OR 1"}):
        assert (await asked(door, "GET", "", params=params)).status_code == 422


@pytest.mark.parametrize("path", [f"{LETTERS}/{NOWHERE}/{verb}" for verb in ("fix", "redrive", "discard", "erase")])
async def test_unknown_letters_are_404(door: Door, path: str) -> None:
    answer = await door.client.post(path, content=b"{}", headers=ADMIN)
    assert (answer.status_code, answer.json()["title"]) == (404, "UnknownLetter")
    assert (await door.client.post(path.replace(NOWHERE, "x"), content=b"{}", headers=ADMIN)).status_code == 404


async def test_only_the_admin_may(door: Door) -> None:
    letter_id = await kept(door)
    taken = await door.report()
    posts = [f"{LETTERS}/{letter_id}/{verb}" for verb in ("fix", "redrive", "discard", "erase")]
    posts += [f"/api/v1/reports/{taken['report_id']}/erase", f"/api/v1/incidents/{taken['incident_id']}/erase"]
    posts += [f"/api/v1/bodies/{taken['report_id']}/erase"]
    for path in posts:
        assert (await door.client.post(path)).status_code == 401, path
    for path in (LETTERS, f"{LETTERS}/{letter_id}"):
        answer = await door.client.get(path)
        assert answer.status_code == 401
        assert "Li" not in answer.text


async def test_an_empty_fix_and_a_settled_letter_are_refused(door: Door) -> None:
    letter_id = await kept(door)
    assert (await asked(door, "POST", f"/{letter_id}/fix", content=b"  ")).status_code == 422
    assert (await asked(door, "POST", f"/{letter_id}/discard")).json()["state"] == "discarded"
    answer = await asked(door, "POST", f"/{letter_id}/fix", content=b"{}")
    assert (answer.status_code, answer.json()["title"]) == (409, "LetterSettled")


async def test_an_erased_report_is_gone_everywhere_a_reader_looks(door: Door) -> None:
    body = report(text="Lampe bei Erfundene Ulrike", place="Erfundene Gasse 9")
    taken = (await door.post("/api/v1/reports", body)).json()
    path = f"/api/v1/reports/{taken['report_id']}"
    erased = await door.client.post(f"{path}/erase", headers=ADMIN)
    assert erased.json() == {"refs": [taken["report_id"]], "letter_ids": [], "repeated": False}
    assert (await door.client.post(f"{path}/erase", headers=ADMIN)).json()["repeated"]
    reader = await door.get(f"{path}/reporter", responder="desk-110")
    assert (reader.status_code, reader.json()["title"]) == (410, "Erased")
    again = await door.post("/api/v1/reports", body)
    assert (again.status_code, again.json()) == (200, taken)
    incident = f"/api/v1/incidents/{taken['incident_id']}"
    texts = [(await door.get(incident)).text, (await door.get(f"{incident}/timeline")).text]
    texts += [(await door.get("/api/v1/incidents", q="Ulrike")).text, (await door.get("/")).text]
    texts += [(await door.get(f"/incidents/{taken['incident_id']}")).text]
    for text in texts:
        assert "Ulrike" not in text
        assert "Erfundene Gasse" not in text
    assert "BodyErased" in texts[1]
    assert texts[2].count(taken["incident_id"]) == 0
    voice = json.loads(texts[0])["voices"][0]
    assert (voice["text"], voice["place"], voice["erased"]) == (None, None, True)
    page = await door.client.get(f"/incidents/{taken['incident_id']}", headers={"accept-language": "en"})
    assert "erased" in page.text


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (f"/api/v1/reports/{NOWHERE}/erase", "UnknownReport"),
        (f"/api/v1/incidents/{NOWHERE}/erase", "UnknownIncident"),
        (f"/api/v1/bodies/{NOWHERE}/erase", "UnknownBody"),
        ("/api/v1/bodies/..%2F/erase", "UnknownBody"),
    ],
)
async def test_what_was_never_there_is_404(door: Door, path: str, title: str) -> None:
    answer = await door.client.post(path, headers=ADMIN)
    assert answer.status_code == 404
    assert answer.json()["title"] in {title, "NotFound"}
