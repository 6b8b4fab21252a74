"""The desk's day in a real browser that runs no script: enter, look, claim, return, resolve, close."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.installation import Installation

Photograph = Callable[[Page, str], None]
PHONE = "000-8765-4321"


def enter(page: Page, text: str, **fields: str) -> str:
    """A report by the form, from the queue page; the incident's address."""
    page.goto("/")
    page.get_by_role("link", name="New report").click()
    page.get_by_label("What was reported").fill(text)
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)
    page.get_by_role("button", name="Take report").click()
    expect(page.get_by_role("status")).to_have_text("Report taken.")
    return page.url.partition("?")[0]


def act(page: Page, verb: str, *, responder: str | None = None, **fields: str) -> None:
    """Act as somebody, open one of the moves, fill in its form, send it."""
    if responder:
        page.get_by_role("navigation", name="As").get_by_role("link", name=responder, exact=True).click()
    form = page.locator(f"form[action$='/{verb}']")
    if not form.is_visible():
        page.locator("details", has=form).locator("summary").click()
    for label, value in fields.items():
        form.get_by_label(label).fill(value)
    form.locator("button").click()


def timeline(page: Page) -> str:
    return page.get_by_role("region", name="Timeline").inner_text()


def test_from_report_to_closed(new_page: NewPage, photograph: Photograph) -> None:
    page = new_page()
    address = enter(page, "泰和街21号门前路灯坏了", Place_in_words="泰和街21号", Name="Invented", Phone=PHONE)
    photograph(page, "incident-offered")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Streetlight")
    expect(page.get_by_role("region", name="Why it went there")).to_contain_text("路灯")
    clocks = page.get_by_role("region", name="Clocks")
    expect(clocks.get_by_role("row", name="claim")).to_contain_text(re.compile(r"(19|20) min left"))
    expect(clocks.get_by_role("row", name="resolve")).to_contain_text("left")
    assert "offered to Urban lighting" in timeline(page)

    page.get_by_role("link", name="Queue").click()
    row = page.get_by_role("row").filter(has=page.locator(f"a[href*='{address.rpartition('/')[2]}']"))
    expect(row).to_contain_text("P3")
    expect(row).to_contain_text("offered to Urban lighting")
    expect(row).to_contain_text("min left")
    photograph(page, "queue")
    row.get_by_role("link").click()

    page.get_by_label("Crew is on its way").check()
    act(page, "claim", Note="driving off")
    expect(page.get_by_role("status")).to_have_text("Claimed.")
    expect(page.get_by_role("region", name="Who", exact=True)).to_contain_text("holds it")
    expect(clocks).to_contain_text("Crew sent")
    act(page, "return", Reason="not our pole")
    expect(page.get_by_role("status")).to_have_text("Returned.")
    act(page, "claim", responder="110 desk")
    expect(page.get_by_role("status")).to_have_text("Claimed.")
    act(page, "resolve", Outcome="bulb replaced")
    expect(page.get_by_role("status")).to_have_text("Resolved.")
    act(page, "close")
    expect(page.get_by_role("status")).to_have_text("Closed.")
    told = timeline(page)
    for said in ("driving off", "not our pole", "bulb replaced", "110 desk resolved it", "110 desk closed it"):
        assert said in told
    photograph(page, "incident-closed")
    assert PHONE not in page.content()
    assert "Invented" not in page.content()


def test_of_two_departments_the_second_is_told_who_was_first(new_page: NewPage, photograph: Photograph) -> None:
    first, second = new_page(), new_page()
    address = enter(first, "两栋楼之间堆了很多垃圾,这得找谁啊")
    first.goto(f"{address}?as=sanitation")
    second.goto(f"{address}?as=property-management")
    act(first, "claim")
    expect(first.get_by_role("status")).to_have_text("Claimed.")
    act(second, "claim")
    expect(second.get_by_role("alert")).to_contain_text("Not done: Sanitation claimed it at")
    photograph(second, "claim-refused")
    expect(second.get_by_role("region", name="Who", exact=True)).to_contain_text("holds it")


def test_a_return_without_a_reason_is_stopped_by_the_browser(new_page: NewPage) -> None:
    page = new_page()
    enter(page, "家里停水了")
    act(page, "claim", responder="Water works")
    before = page.url
    act(page, "return")
    assert page.url == before
    assert "returned" not in timeline(page)


def test_pressing_again_when_the_answer_was_lost_makes_no_second_report(new_page: NewPage) -> None:
    page = new_page()
    taken: list[int] = []

    def lose_the_answer(route: Route) -> None:
        taken.append(route.fetch(max_redirects=0).status)
        route.abort("aborted")

    page.goto("/report")
    page.get_by_label("What was reported").fill("小区垃圾没人清,按了两次")
    page.route("**/report", lose_the_answer, times=1)
    page.get_by_role("button", name="Take report").click()
    expect(page.get_by_label("What was reported")).to_be_visible()
    assert taken == [303]
    page.get_by_role("button", name="Take report").click()
    expect(page.get_by_role("status")).to_have_text("Report taken.")
    expect(page.locator("article.voice")).to_have_count(1)
    page.goto("/?q=按了两次")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_what_cannot_be_read_is_said_and_what_was_typed_stays(new_page: NewPage, photograph: Photograph) -> None:
    page = new_page()
    page.goto("/report")
    page.get_by_label("Place in words").fill("泰和街21号")
    page.get_by_label("Latitude").fill("north")
    page.get_by_label("Longitude").fill("126.1")
    page.get_by_role("button", name="Take report").click()
    expect(page.get_by_role("alert")).to_contain_text("Not done")
    photograph(page, "report-refused")
    expect(page.get_by_label("Place in words")).to_have_value("泰和街21号")
    expect(page.get_by_label("Latitude")).to_have_value("north")


def test_a_filter_finds_and_the_language_stays(new_page: NewPage, photograph: Photograph) -> None:
    page = new_page("zh-CN")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.get_by_role("link", name="English").click()
    enter(page, "哈黑路与北环路交叉口路东路灯接触不好")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_label("Responder").select_option("urban-lighting")
    page.get_by_label("Text contains").fill("接触不好")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("select[name=responder]")).to_have_value("urban-lighting")
    expect(page.locator("tbody tr")).to_have_count(1)
    photograph(page, "queue-zh")


@pytest.mark.parametrize("path", ["/", "/report", "incident"])
def test_on_a_telephone_nothing_runs_off_the_side(
    new_page: NewPage, served: Installation, photograph: Photograph, path: str
) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    if path == "incident":
        taken = served.said("report", "家里老人走失了,82岁", "--place", "一个没有空格的很长的地名" * 6)
        path = f"/incidents/{taken['incident_id']}"
    page.goto(path)
    photograph(page, f"telephone-{path.strip('/').partition('/')[0] or 'queue'}")
    sides = page.locator("body > *, main > *").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert [side for side in sides if side > 360.5] == []


def test_by_keyboard_alone(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/report")
    page.keyboard.type("楼道里有燃气味")  # the field has the focus
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.get_by_role("button", name="Take report").evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Report taken.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("P1 Gas leak")


def test_a_page_of_another_origin_cannot_act(browser: Browser, served: Installation) -> None:
    """A real browser tells where a form came from; the page that made it cannot hide that."""
    incident_id = served.said("report", "楼道里有燃气味,外站")["incident_id"]
    page = browser.new_page()
    page.set_content(
        f'<form method="post" action="{served.base}/incidents/{incident_id}/claim">'
        '<input name="responder" value="gas"><button>win a prize</button></form>'
    )
    with page.expect_response(lambda answer: answer.url.endswith("/claim")) as caught:
        page.get_by_role("button").click()
    assert caught.value.status == 403
    page.close()
    assert served.said("show", incident_id)["incident"]["state"] == "offered"
