"""A photo and a voice note go through the forms of a browser that runs no script, and are seen and heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.unit.attachments.picture_making import encoded, exif
from tests.unit.attachments.test_sounds import SAMPLES

Photograph = Callable[[Page, str], None]
_DURATION = """it => new Promise(done => {
    const look = () => it.duration ? done(it.duration) : setTimeout(look, 50);
    look();
})"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """As a telephone held upright takes it."""
    scene = Image.effect_mandelbrot((1600, 1200), (-1.6, -1.2, 0.4, 0.3), 60).convert("RGB")
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(encoded(scene, "JPEG", exif=exif(6), quality=80))
    return path


def test_a_photo_and_a_voice_note_by_forms(new_page: NewPage, photograph: Photograph, photo: Path) -> None:
    page = new_page()
    page.goto("/report")
    page.get_by_label("What was reported").fill("泰和街21号门前路灯坏了,有照片和语音")
    page.get_by_label("Photos, voice notes").set_input_files([photo, SAMPLES / "tone.m4a"])
    photograph(page, "report-with-files")
    page.get_by_role("button", name="Take report").click()
    expect(page.get_by_role("status")).to_have_text("Report taken.")
    voice = page.locator("article.voice")
    picture = voice.get_by_role("img", name="Photo")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("it => [it.naturalWidth, it.naturalHeight]") == [240, 320]
    assert voice.locator("audio").evaluate(_DURATION) == pytest.approx(0.6, abs=0.1)

    page.locator("form[action$='/claim'] button").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"Claimed\."))
    form = page.locator("form[action$='/progress']")
    if not form.is_visible():
        page.locator("details", has=form).locator("summary").click()
    form.get_by_label("Photos, voice notes").set_input_files(photo)
    form.locator("button").click()
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("img", name="Photo")).to_have_count(1)
    photograph(page, "incident-with-files")
    whole = page.request.get(picture.locator("..").get_attribute("href") or "")
    assert (whole.status, Image.open(BytesIO(whole.body())).size) == (200, (1200, 1600))


def test_a_page_dressed_as_a_photo_is_refused_in_words(
    new_page: NewPage, photograph: Photograph, photo: Path, tmp_path: Path
) -> None:
    page = new_page("zh-CN")
    false = tmp_path / "photo.jpg"
    false.write_text("<html><script>alert(1)</script></html>")
    page.goto("/report")
    page.locator("textarea[name=text]").fill("路灯坏了")
    page.locator("input[type=file]").set_input_files([photo, false])
    page.get_by_role("button", name="录入").click()
    expect(page.get_by_role("alert")).to_contain_text("从内容看")
    expect(page.locator("textarea[name=text]")).to_have_value("路灯坏了")
    photograph(page, "file-refused")
