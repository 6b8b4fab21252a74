"""Pages that follow what happens elsewhere, in a real browser; and that they are what they were without scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import NewPage
from tests.installation import Installation
from tests.warm_parent import WarmParent

Photograph = Callable[[Page, str], None]
SOON_MS = 15_000


@pytest.fixture
def installation(warm: WarmParent, tmp_path: Path) -> Installation:
    """Nothing runs yet, nothing is there yet."""
    return Installation(warm, tmp_path / "var")


def reported(served: Installation, place: str) -> str:
    """A report that comes in by the API; its incident."""
    body = {"source": "110", "source_id": place, "text": "路灯坏了", "place": place}
    return str(_posted(served, "/api/v1/reports", body)["incident_id"])


def claimed(served: Installation, incident: str) -> None:
    _posted(served, f"/api/v1/incidents/{incident}/claim", {"responder": "urban-lighting"})


def _posted(served: Installation, path: str, body: dict[str, str]) -> dict[str, Any]:
    answer = httpx.post(f"{served.base}{path}", json=body, trust_env=False, timeout=30)
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


def stays(page: Page) -> None:
    """A mark in the page that a reload would wipe out."""
    page.evaluate("window.staying = true")


def stayed(page: Page) -> bool:
    return bool(page.evaluate("window.staying === true"))


def live(page: Page) -> None:
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_a_report_appears_on_the_open_queue(served: Installation, new_page: NewPage, photograph: Photograph) -> None:
    page = new_page(scripts=True)
    page.goto("/")
    live(page)
    stays(page)
    page.get_by_label("Text contains").fill("half a wor")
    incident = reported(served, "先锋路2号")
    expect(page.locator(f"a[href*='{incident}']")).to_be_visible(timeout=SOON_MS)
    photograph(page, "queue-live")
    expect(page.locator("option[value=open]")).to_have_text("Open (1)")
    assert stayed(page)
    expect(page.get_by_label("Text contains")).to_have_value("half a wor")
    expect(page.get_by_label("Text contains")).to_be_focused()


def test_a_claim_elsewhere_shows_on_the_open_incident(
    served: Installation, new_page: NewPage, photograph: Photograph
) -> None:
    incident = reported(served, "先锋路3号")
    page = new_page(scripts=True)
    page.goto(f"/incidents/{incident}?as=urban-lighting")
    live(page)
    stays(page)
    claimed(served, incident)
    expect(page.get_by_role("region", name="Who", exact=True)).to_contain_text("holds it", timeout=SOON_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Claimed")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Urban lighting claimed it")
    expect(page.locator("form[action$='/claim']")).to_have_count(0)
    assert stayed(page)
    photograph(page, "incident-live")


def test_what_somebody_types_is_left_alone_and_they_are_told(
    served: Installation, new_page: NewPage, photograph: Photograph
) -> None:
    incident = reported(served, "先锋路4号")
    page = new_page(scripts=True)
    page.goto(f"/incidents/{incident}?as=urban-lighting")
    live(page)
    field = page.locator("form[action$='/claim'] [name=note]")
    if not field.is_visible():
        page.locator("details", has=field).locator("summary").first.click()
    field.fill("we are driv")
    claimed(served, incident)
    expect(page.get_by_role("region", name="Who", exact=True)).to_contain_text("holds it", timeout=SOON_MS)
    expect(field).to_have_value("we are driv")
    expect(field).to_be_focused()
    expect(page.get_by_text("What you typed is still here")).to_be_visible()
    photograph(page, "incident-typing")


def test_focus_on_a_link_of_the_list_is_kept(served: Installation, new_page: NewPage) -> None:
    first = reported(served, "先锋路5号")
    page = new_page(scripts=True)
    page.goto("/")
    live(page)
    page.locator(f"a[href*='{first}']").focus()
    second = reported(served, "先锋路6号")
    expect(page.locator(f"a[href*='{second}']")).to_be_visible(timeout=SOON_MS)
    expect(page.locator(f"a[href*='{first}']")).to_be_focused()


def test_a_server_that_is_away_is_said_and_what_it_took_meanwhile_is_caught_up(
    installation: Installation, browser: Browser
) -> None:
    first = installation.start()
    context = browser.new_context(base_url=installation.base, locale="zh-CN")
    page = context.new_page()
    page.goto("/")
    mark = page.locator("[data-live]")
    expect(mark).to_have_text("实时")
    stays(page)
    first.terminate()
    assert first.wait() == 0, "an open page does not keep the server from ending"
    expect(mark).to_have_text("正在重新连接…")
    second = installation.start()
    incident = reported(installation, "先锋路7号")
    expect(page.locator(f"a[href*='{incident}']")).to_be_visible(timeout=20_000)
    expect(mark).to_have_text("实时")
    assert stayed(page)
    context.close()
    second.terminate()
    assert second.wait() == 0


def test_without_scripts_nothing_is_different(served: Installation, new_page: NewPage) -> None:
    incident = reported(served, "先锋路8号")
    pages = [new_page(), new_page()]
    for page, path in zip(pages, ("/", f"/incidents/{incident}"), strict=True):
        page.goto(path)
        expect(page.locator("[data-live]")).to_be_hidden()
    before = [page.content() for page in pages]
    claimed(served, incident)
    pages[0].wait_for_timeout(1_000)
    assert [page.content() for page in pages] == before


def test_only_our_own_script_may_run(new_page: NewPage) -> None:
    page = new_page(scripts=True)
    answer = page.goto("/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.locator("script").evaluate_all("all => all.map(one => one.getAttribute('src'))") == ["/static/live.js"]
