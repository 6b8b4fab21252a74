"""A desk's and a department's whole day in a real browser that runs no script: every turn that an incident may take."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NewPage

Photograph = Callable[[Page, str], None]
LIGHTING, DESK = "urban-lighting", "desk-110"


def enter(page: Page, text: str) -> str:
    page.goto("/report")
    page.get_by_label("What was reported").fill(text)
    page.get_by_role("button", name="Take report").click()
    return page.url.partition("?")[0]


def form_of(page: Page, address: str, verb: str, who: str) -> Locator:
    """The form of a move, opened, on the page as `who` sees it."""
    page.goto(f"{address}?as={who}")
    return opened(page, verb)


def opened(page: Page, verb: str) -> Locator:
    form = page.locator(f"form[action$='/{verb}']").last
    if not form.is_visible():
        page.locator("details", has=form).locator("summary").click()
    return form


def send(page: Page, form: Locator, told: str, **fields: str) -> None:
    for label, value in fields.items():
        named = form.get_by_label(re.compile(f"^{re.escape(label.replace('_', ' '))}"))
        if named.evaluate("one => one.tagName") == "SELECT":
            named.select_option(value)
        else:
            named.fill(value)
    form.locator("button").first.click()
    expect(page.get_by_role("status").first).to_have_text(told)


def local(**ahead: float) -> str:
    """A time ahead as a datetime-local input takes it; the jurisdiction's zone is UTC+8 all year."""
    return (datetime.now(UTC) + timedelta(hours=8) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M")


def test_promise_pause_units_and_two_rounds(new_page: NewPage, photograph: Photograph) -> None:
    page = new_page()
    address = enter(page, "幸福路路灯坏了")
    tomorrow = local(days=1)
    send(page, form_of(page, address, "claim", LIGHTING), "Claimed.", Promised_for=tomorrow)
    clocks = page.get_by_role("region", name="Clocks")
    expect(clocks).to_contain_text(f"Promised for {tomorrow[5:10]} {tomorrow[11:]}")
    send(page, opened(page, "plan"), "Promised.", Promised_for=local(days=2))
    send(page, opened(page, "start"), "Work has begun.")
    send(page, opened(page, "pause"), "Paused; the resolution clock stands.", Waits_for="weather", Reason="heavy snow")
    expect(clocks.get_by_role("row", name="resolve")).to_contain_text("stands")
    photograph(page, "day-paused")
    send(page, opened(page, "resume"), "Work goes on.")
    send(page, opened(page, "dispatch"), "Unit sent.", Unit="crane 1")
    units = page.get_by_role("region", name="Units")
    expect(units.get_by_role("row", name="crane 1")).to_contain_text("sent")
    page.get_by_role("button", name="crane 1: On scene").click()
    expect(units.get_by_role("row", name="crane 1")).to_contain_text("on scene")
    photograph(page, "day-units")
    page.get_by_role("button", name="crane 1: Free again").click()
    expect(units.get_by_role("row", name="crane 1")).to_contain_text("free again")
    send(page, opened(page, "progress"), "Noted.", Note="lamp head changed")
    send(page, opened(page, "resolve"), "Resolved.", Outcome="it shines")

    follow_up = form_of(page, address, "follow-up", DESK)
    send(page, follow_up, "Follow-up recorded.", **{"Solved?": "no"}, Note="dark again")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Offered")
    expect(page.get_by_text("round 2", exact=True)).to_be_visible()
    send(page, form_of(page, address, "claim", LIGHTING), "Claimed.")
    send(page, opened(page, "resolve"), "Resolved.", Outcome="cable changed")
    send(
        page,
        form_of(page, address, "follow-up", DESK),
        "Follow-up recorded.",
        **{"Solved?": "yes", "Satisfied?": "yes"},
    )
    expect(page.get_by_role("heading", level=1)).to_contain_text("Closed")
    told = page.get_by_role("region", name="Timeline").inner_text()
    for said in ("heavy snow", "lamp head changed", "it shines", "dark again", "cable changed", "solved, satisfied"):
        assert said in told
    photograph(page, "day-closed")


def test_a_wrong_kind_is_put_right_and_two_reports_of_one_thing_are_merged(
    new_page: NewPage, photograph: Photograph
) -> None:
    page = new_page()
    address = enter(page, "东门那里灯下面有情况,路灯旁")
    send(
        page,
        form_of(page, address, "correct", DESK),
        "Corrected and routed again.",
        Kind="sanitation/garbage",
        Place_in_words="东门菜市场",
    )
    expect(page.get_by_role("heading", level=1)).to_contain_text("Garbage")
    expect(page.get_by_role("region", name="Who", exact=True)).to_contain_text("Sanitation")
    photograph(page, "day-corrected")

    stays = enter(page, "东门菜市场垃圾成山")
    merge = form_of(page, address, "merge", DESK)
    send(page, merge, "Merged.", Number_of_the_incident_that_stays=stays)
    page.get_by_text("It is the same thing").get_by_role("link").click()
    expect(page.locator("article.voice")).to_have_count(2)
    expect(page.locator("article.voice").last).to_contain_text("from the merged incident")
    photograph(page, "day-merged")
    send(page, form_of(page, address, "unmerge", DESK), "Taken out again.")
    page.goto(stays)
    expect(page.locator("article.voice")).to_have_count(1)


def test_a_slip_is_undone_and_the_second_of_two_operators_is_told_to_look_again(
    new_page: NewPage, photograph: Photograph
) -> None:
    first, second = new_page(), new_page()
    address = enter(first, "西门路灯一直闪")
    send(first, form_of(first, address, "claim", LIGHTING), "Claimed.")
    first.get_by_role("button", name="Undo").click()
    expect(first.get_by_role("status").first).to_have_text("Taken back.")
    expect(first.get_by_role("heading", level=1)).to_contain_text("Offered")

    refer = form_of(second, address, "refer", DESK)
    send(first, form_of(first, address, "prioritize", DESK), "Priority changed.", Priority="P1")
    refer.locator("select[name=to]").select_option("power")
    refer.get_by_label("Reason").fill("their pole")
    refer.locator("button").click()
    expect(second.get_by_role("alert")).to_contain_text("Somebody moved it on – look again")
    expect(second.get_by_role("heading", level=1)).to_contain_text("P1")
    again = second.locator("form[action$='/refer']")
    expect(again.get_by_label("Reason")).to_have_value("their pole")
    photograph(second, "day-overtaken")
    again.locator("button").click()
    expect(second.get_by_role("status").first).to_have_text("Referred.")


def test_a_day_in_chinese(new_page: NewPage, photograph: Photograph) -> None:
    page = new_page("zh-CN")
    page.goto("/report")
    page.get_by_label("反映内容").fill("道路上有个黑窟窿")
    page.get_by_role("button", name="录入").click()
    address = page.url.partition("?")[0]
    page.get_by_role("button", name="接单").click()
    expect(page.get_by_role("status").first).to_have_text("已接单。")
    extend = form_of(page, address, "extend", "roads")
    send(page, extend, "延期已记录。", 延至=local(days=9), 原因="等沥青")
    page.goto(f"{address}?as={DESK}")
    page.get_by_role("button", name="同意延期").click()
    expect(page.get_by_role("region", name="经过")).to_contain_text(re.compile(r"110 调度台 同意延期至 .*"))
    send(page, form_of(page, address, "urge", DESK), "已催办。")
    send(page, form_of(page, address, "supervise", DESK), "督办已更新。")
    page.goto("/")
    row = page.get_by_role("row").filter(has=page.locator(f"a[href*='{address.rpartition('/')[2]}']"))
    expect(row).to_contain_text("督办")
    expect(row).to_contain_text("催办 1 次")
    photograph(page, "day-queue-zh")
