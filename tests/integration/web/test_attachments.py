"""Photos and voice notes over HTTP: sent first, named by a report or an answer, read, erased; and everything bad."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from dispatcher.bootstrap import Engine
from dispatcher.service.file_keeper import MAX_FILE_BYTES
from tests.integration.web.conftest import ADMIN_TOKEN, BASE, Door
from tests.integration.web.page_reading import Page
from tests.unit.attachments.picture_making import HIDDEN, photo, png
from tests.unit.attachments.test_sounds import AMR, sample

pytestmark = pytest.mark.anyio
PATH = "/api/v1/attachments"
NOWHERE = "01JHB000000000000000000000"


async def sent(door: Door, raw: bytes, **headers: str) -> str:
    answer = await door.raw(PATH, raw, **headers)
    assert answer.status_code == 201, answer.text
    attachment_id: str = answer.json()["attachment_id"]
    return attachment_id


async def refusal(door: Door, raw: bytes, **headers: str) -> tuple[int, str]:
    answer = await door.raw(PATH, raw, **headers)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    return told["status"], told["title"]


async def erase(door: Door, what: str) -> None:
    answer = await door.post(f"/api/v1/{what}/erase", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    assert answer.status_code == 200, answer.text


async def test_a_photo_is_sent_and_read_without_where_it_was_taken(door: Door) -> None:
    answer = await door.raw(PATH, photo(orientation=6), content_type="image/png")
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == {"attachment_id", "media_type", "size", "width", "height"}
    assert (told["media_type"], told["width"], told["height"]) == ("image/jpeg", 40, 80)
    read = await door.get(f"{PATH}/{told['attachment_id']}")
    assert read.status_code == 200
    assert read.headers["content-type"] == "image/jpeg"
    assert len(read.content) == told["size"]
    assert HIDDEN not in read.content
    assert dict(Image.open(BytesIO(read.content)).getexif()) == {}


@pytest.mark.parametrize("field", ["file", "photo"])
async def test_a_form_with_one_file_does_too(door: Door, field: str) -> None:
    answer = await door.client.post(PATH, files={field: ("../../secret name.exe", photo("WEBP"), "text/html")})
    assert answer.status_code == 201
    assert answer.json()["media_type"] == "image/webp"


async def test_a_form_with_none_or_two_files_is_refused(door: Door) -> None:
    two = [("file", ("a", photo(), "image/jpeg")), ("file", ("b", photo(), "image/jpeg"))]
    for answer in (await door.client.post(PATH, files=two), await door.client.post(PATH, files={"x": (None, "text")})):
        assert (answer.status_code, answer.json()["title"]) == (422, "OneFile")


async def test_headers_leave_a_browser_nothing_to_do_with_it_but_show_it(door: Door) -> None:
    attachment_id = await sent(door, photo())
    for path, called in (("", attachment_id), ("/thumbnail", f"{attachment_id}-small")):
        answer = await door.get(f"{PATH}/{attachment_id}{path}")
        policies = answer.headers.get_list("content-security-policy")
        assert "default-src 'none'; sandbox" in policies
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == f'inline; filename="{called}.jpg"'
        assert answer.headers["cache-control"] == "private, no-cache"


async def test_the_thumbnail_is_a_small_jpeg_and_only_pictures_have_one(door: Door) -> None:
    picture, sound = await sent(door, photo("PNG", size=(1000, 500))), await sent(door, AMR)
    answer = await door.get(f"{PATH}/{picture}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(answer.content)).size == (320, 160)
    none = await door.get(f"{PATH}/{sound}/thumbnail")
    assert (none.status_code, none.json()["title"]) == (404, "NoThumbnail")


async def test_what_a_browser_has_is_not_sent_again(door: Door) -> None:
    path = f"{PATH}/{await sent(door, photo())}"
    tag = (await door.get(path)).headers["etag"]
    again = await door.client.get(path, headers={"if-none-match": f'W/"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await door.client.get(path, headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=-999999999", 206, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=0-1", 200, slice(None)),
        ("bytes=9999999-", 416, None),
        ("bytes=9-2", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_a_player_asks_for_parts(door: Door, asked: str, status: int, part: slice | None) -> None:
    path = f"{PATH}/{await sent(door, AMR)}"
    answer = await door.client.get(path, headers={"range": asked})
    assert answer.status_code == status
    if part is not None:
        assert answer.content == AMR[part]
    if status == 206:
        start = part.indices(len(AMR))[0] if part else 0
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(answer.content) - 1}/{len(AMR)}"


async def test_a_report_and_an_answer_bring_what_they_name(door: Door) -> None:
    picture, sound, note = await sent(door, photo()), await sent(door, AMR), await sent(door, sample("tone.m4a"))
    taken = await door.report(attachments=[picture, sound])
    incident_id = taken["incident_id"]
    assert (await door.command(incident_id, "claim", responder="urban-lighting")).status_code == 200
    said = await door.command(incident_id, "progress", responder="urban-lighting", note="看过了", attachments=[note])
    assert said.status_code == 200
    voice = (await door.get(f"/api/v1/incidents/{incident_id}")).json()["voices"][0]
    assert [(each["attachment_id"], each["media_type"]) for each in voice["attachments"]] == [
        (picture, "image/jpeg"),
        (sound, "audio/amr"),
    ]
    assert (voice["attachments"][0]["width"], voice["attachments"][1]["width"]) == (80, None)
    entries = (await door.get(f"/api/v1/incidents/{incident_id}/timeline")).json()["entries"]
    told = {entry["type"]: entry for entry in entries}
    assert [each["attachment_id"] for each in told["AttachmentsAdded"]["attachments"]] == [note]
    assert (told["ProgressNoted"]["said"], told["AttachmentsAdded"]["said"]) == ({"note": "看过了"}, {})


async def test_somebody_elses_attachment_is_refused(door: Door) -> None:
    theirs = await sent(door, photo())
    await door.report(attachments=[theirs])
    mine = (await door.report())["incident_id"]
    answer = await door.command(mine, "claim", responder="urban-lighting", attachments=[theirs, NOWHERE])
    assert (answer.status_code, answer.json()["title"]) == (422, "UnknownAttachment")
    assert answer.json()["attachments"] == [theirs, NOWHERE]
    assert (await door.get(f"/api/v1/incidents/{mine}")).json()["state"] == "offered"


async def test_what_is_erased_is_gone(door: Door, engine: Engine) -> None:
    picture = await sent(door, photo())
    taken = await door.report(attachments=[picture])
    await erase(door, f"reports/{taken['report_id']}")
    for path in (f"{PATH}/{picture}", f"{PATH}/{picture}/thumbnail"):
        answer = await door.get(path)
        assert (answer.status_code, answer.json()["title"]) == (410, "Erased")
    voice = (await door.get(f"/api/v1/incidents/{taken['incident_id']}")).json()["voices"][0]
    assert voice["attachments"] == []
    assert list((engine.settings.var / "files").glob("*/*")) == []


async def test_what_came_with_an_answer_is_erased_with_its_words(door: Door, engine: Engine) -> None:
    """Also when it came without words; and the photo of the report, which is the same picture, stays."""
    reported, noted, shown = await sent(door, photo()), await sent(door, photo()), await sent(door, AMR)
    incident_id = (await door.report(attachments=[reported]))["incident_id"]
    await door.command(incident_id, "claim", responder="urban-lighting")
    for attachment_id in (noted, shown):
        await door.command(incident_id, "progress", responder="urban-lighting", attachments=[attachment_id])
    rows = engine.store.attachments([noted, shown])
    for attachment_id in (noted, shown):
        await erase(door, f"bodies/{rows[attachment_id].body_ref}")
        assert (await door.get(f"{PATH}/{attachment_id}")).status_code == 410
    assert (await door.get(f"{PATH}/{reported}/thumbnail")).status_code == 200
    assert len(list((engine.settings.var / "files").glob("*/*"))) == 2
    entries = (await door.get(f"/api/v1/incidents/{incident_id}/timeline")).json()["entries"]
    assert [entry["attachments"] for entry in entries if entry["type"] == "AttachmentsAdded"] == [[], []]
    await erase(door, f"incidents/{incident_id}")
    assert list((engine.settings.var / "files").glob("*/*")) == []


@pytest.mark.parametrize("attachment_id", [NOWHERE, "x", "..%2F..%2Fliandong.sqlite", "0" * 40])
async def test_what_was_never_there_is_unknown(door: Door, attachment_id: str) -> None:
    for path in ("", "/thumbnail"):
        answer = await door.get(f"{PATH}/{attachment_id}{path}")
        assert answer.status_code == 404


async def test_a_retry_with_the_same_key(door: Door) -> None:
    first = await door.raw(PATH, photo(), idempotency_key="k")
    again = await door.raw(PATH, photo(), idempotency_key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert await refusal(door, photo("PNG"), idempotency_key="k") == (422, "IdempotencyMismatch")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", (422, "EmptyFile")),
        (b"<html><script>alert(1)</script></html>", (415, "UnsupportedFile")),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', (415, "UnsupportedFile")),
        (photo()[:200], (422, "DamagedFile")),
        (b"\xff\xd8\xff\xe0<html>", (422, "DamagedFile")),
        (png(60_000, 60_000, b""), (422, "TooManyPixels")),
        (sample("film.mp4"), (415, "UnsupportedFile")),
    ],
    ids=["nothing", "page", "svg", "cut", "beginning", "pixels", "film"],
)
async def test_what_it_is_not(door: Door, engine: Engine, raw: bytes, told: tuple[int, str]) -> None:
    """Whatever its name and its content type say."""
    assert await refusal(door, raw, content_type="image/jpeg") == told
    assert list((engine.settings.var / "files").glob("*/*")) == []


async def test_ten_mebibytes_are_taken_and_one_byte_more_is_not(door: Door) -> None:
    frames = (MAX_FILE_BYTES - 6) // 32
    largest = b"#!AMR\n" + (b"\x3c" + bytes(31)) * frames
    largest += b"\x7c" * (MAX_FILE_BYTES - len(largest))
    assert len(largest) == MAX_FILE_BYTES
    answer = await door.raw(PATH, largest)
    assert (answer.status_code, answer.json()["size"]) == (201, MAX_FILE_BYTES)
    assert await refusal(door, largest + b"\x7c") == (413, "BodyTooLarge")
    form = await door.client.post(PATH, files={"file": ("x", largest + b"\x7c")})
    assert (form.status_code, form.json()["title"]) == (413, "BodyTooLarge")
    assert (await door.client.post(PATH, files={"file": ("x", largest)})).status_code == 201


async def test_too_much_is_refused_before_it_is_read(door: Door) -> None:
    """By its announced length without a byte; without one, as soon as it is too much."""
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield bytes(65_536)

    request = door.client.build_request("POST", PATH, content=endless(), headers={"content-length": str(2**40)})
    announced = await door.client.send(request)
    assert (announced.status_code, announced.json()["title"], given) == (413, "BodyTooLarge", 0)
    streamed = await door.client.post(PATH, content=endless())
    assert (streamed.status_code, streamed.json()["title"]) == (413, "BodyTooLarge")
    assert MAX_FILE_BYTES < given < MAX_FILE_BYTES + 10 * 65_536


async def test_a_broken_form_is_no_fault_of_ours(door: Door) -> None:
    for kind, raw in (
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nno form"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\xff\xfe\r\n--x--',
        ),
        ("multipart/form-data; boundary=x", b""),
    ):
        answer = await door.client.post(PATH, content=raw, headers={"content-type": kind})
        assert 400 <= answer.status_code < 500, answer.text


async def test_names_of_files_are_never_logged(
    door: Door, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    name = "Invented Zhang at home.jpg"
    for raw in (photo(), b"<html>", photo()[:100]):
        await door.client.post(PATH, files={"file": (name, raw)})
    printed = capsys.readouterr()
    assert name not in caplog.text + printed.out + printed.err


async def test_a_file_store_that_is_away_is_said_so(door: Door, engine: Engine) -> None:
    attachment_id = await sent(door, photo())
    folder = engine.settings.var / "files"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")
    answer = await door.raw(PATH, photo("PNG"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await door.get(f"{PATH}/{attachment_id}")).status_code == 503
    assert (await door.post("/api/v1/reports", report_body())).status_code == 201


def report_body() -> dict[str, Any]:
    return {"source": "110", "source_id": "x", "text": "路灯坏了"}


async def test_many_at_once(door: Door) -> None:
    answers: list[httpx.Response] = await asyncio.gather(
        *(door.raw(PATH, photo(size=(80 + n, 40))) for n in range(12)), *(door.raw(PATH, AMR) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["attachment_id"] for answer in answers}) == 16


# ── pages ────────────────────────────────────────────────────────────────────────────────────────
async def pressed(door: Door, path: str, action: str, files: list[tuple[str, bytes]], **filled: str) -> httpx.Response:
    """The form of a page as a browser sends it, with files; an input left empty sends an empty one without a name."""
    shown = Page((await door.get(path)).text)
    texts: list[Any] = [(name, (None, text)) for name, text in (shown.form(action).fields | filled).items()]
    texts = [each for each in texts if each[0] != "files"]
    chosen: list[Any] = [("files", (name, raw, "image/jpeg")) for name, raw in files]
    headers = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    return await door.client.post(action, files=[*texts, *(chosen or [("files", ("", b""))])], headers=headers)


async def test_a_form_without_files_is_as_before(door: Door) -> None:
    answer = await pressed(door, "/report", "/report", [], text="路灯坏了")
    assert answer.status_code == 303
    assert Page((await door.client.get(answer.headers["location"])).text).pictures == []


async def test_a_report_by_form_brings_its_files(door: Door) -> None:
    answer = await pressed(door, "/report", "/report", [("a.jpg", photo()), ("b", AMR)], text="路灯坏了")
    assert answer.status_code == 303, answer.text
    shown = Page((await door.client.get(answer.headers["location"])).text)
    assert [path.rpartition("/")[2] for path in shown.pictures] == ["thumbnail"]
    assert (await door.get(shown.pictures[0])).status_code == 200
    sounds = [link for link in shown.links if link.startswith(PATH) and link not in shown.pictures]
    assert {(await door.get(path)).headers["content-type"] for path in sounds} == {"image/jpeg", "audio/amr"}


async def test_an_answer_by_form_brings_its_files_and_pressing_twice_is_once(door: Door) -> None:
    incident_id = (await door.report())["incident_id"]
    await door.command(incident_id, "claim", responder="urban-lighting")
    path = f"/incidents/{incident_id}"
    fields = Page((await door.get(path)).text).form(f"{path}/progress").fields
    texts: list[Any] = [(name, (None, text)) for name, text in fields.items() if name != "files"]
    for _ in range(2):
        answer = await door.client.post(f"{path}/progress", files=[*texts, ("files", ("a.jpg", photo(), ""))])
        assert answer.status_code == 303, answer.text
    entries = (await door.get(f"/api/v1{path}/timeline")).json()["entries"]
    assert [len(entry["attachments"]) for entry in entries if entry["attachments"]] == [1]
    assert len(Page((await door.get(path)).text).pictures) == 1


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [(b"<html>", 415, "By its content"), (photo()[:99], 422, "damaged"), (png(60_000, 60_000, b""), 422, "pixels")],
    ids=["page", "cut", "pixels"],
)
async def test_a_file_that_is_refused_is_said_on_the_page(door: Door, raw: bytes, status: int, said: str) -> None:
    """What was typed stays, and so does the file that was good; the next try brings it along."""
    answer = await pressed(
        door, "/report", "/report", [("a.jpg", photo()), ("b.jpg", raw)], text="路灯坏了", name="Inv"
    )
    shown = Page(answer.text)
    assert (answer.status_code, said in shown.text) == (status, True)
    form = shown.form("/report").fields
    assert form["name"] == "Inv"
    assert "1 already sent" in shown.text
    filled = (form | {"text": "路灯坏了"}).items()
    texts: list[Any] = [(name, (None, text)) for name, text in filled if name != "files"]
    again = await door.client.post("/report", files=[*texts, ("files", ("c.jpg", photo("PNG")))])
    assert again.status_code == 303, again.text
    assert len(Page((await door.client.get(again.headers["location"])).text).pictures) == 2


async def test_a_file_used_elsewhere_meanwhile_can_be_chosen_again(door: Door) -> None:
    theirs = await sent(door, photo())
    await door.report(attachments=[theirs])
    incident_id = (await door.report(text="家里停水了"))["incident_id"]
    await door.command(incident_id, "claim", responder="water-works")
    path = f"/incidents/{incident_id}"
    answer = await pressed(door, path, f"{path}/progress", [], note="x", attachments=theirs)
    shown = Page(answer.text)
    assert (answer.status_code, "choose it again" in shown.text) == (422, True)
    assert "attachments" not in shown.form(f"{path}/progress").fields


async def test_too_large_a_file_in_a_form_is_a_page_too(door: Door) -> None:
    answer = await pressed(door, "/report", "/report", [("a.jpg", photo() + bytes(MAX_FILE_BYTES))], text="路灯坏了")
    assert answer.status_code == 413
    assert "too large" in Page(answer.text).text
