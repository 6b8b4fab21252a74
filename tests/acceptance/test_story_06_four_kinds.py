"""Road holes, blocked drains, lights out, garbage: each to its own department, the open hole after dark first."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import StoryClock
from tests.acceptance.town import Town, instant

KINDS = {
    "小区垃圾没人清": ("sanitation/garbage", ["sanitation", "property-management"]),
    "门前路灯不亮": ("lighting/streetlight", ["urban-lighting"]),
    "门前下水道堵了": ("drain/blocked", ["drains"]),
    "道路上有个黑窟窿": ("road/hole", ["roads"]),
}


@pytest.mark.parametrize("text", KINDS)
def test_story_06_each_kind_goes_to_its_department(town: Town, clock: StoryClock, text: str) -> None:
    clock.set("2025-01-12T10:00")
    taken = town.report(text)
    assert (taken["category"], taken["offers"]) == KINDS[text]
    for responder in KINDS[text][1]:
        assert [item["incident_id"] for item in town.queue(responder)] == [taken["incident_id"]]


def test_story_06_the_open_hole_after_dark_stands_above_all_garbage_below(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T16:30")  # the sun set at 16:10
    for text in KINDS:  # garbage first, the hole last
        town.report(text)
    queue = [(item["category"], item["priority"]) for item in town.queue()]
    assert queue[0] == ("road/hole", "P1")
    assert queue[-1] == ("sanitation/garbage", "P4")
    assert len(queue) == 4


def test_story_06_by_day_a_hole_is_less_urgent_than_after_dark(town: Town, clock: StoryClock) -> None:
    clock.set("2025-01-12T10:00")
    by_day = town.report("道路上有个黑窟窿", place="哈黑路12号")
    clock.set("2025-01-12T16:30")
    after_dark = town.report("道路上有个黑窟窿", place="北环路7号")
    assert (by_day["priority"], after_dark["priority"]) == ("P2", "P1")
    assert [item["incident_id"] for item in town.queue("roads")] == [after_dark["incident_id"], by_day["incident_id"]]
    assert instant(after_dark["claim_due_at"]) == instant("2025-01-12T16:45:00+08:00")
