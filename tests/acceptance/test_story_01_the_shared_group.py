"""One POST by the call-taker reaches a shared group of more than ten departments; outsiders see no telephone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.bootstrap import find_pack
from dispatcher.settings import Settings
from tests.acceptance.town import Town, opened

GROUP = [
    "urban-lighting",
    "sanitation",
    "roads",
    "drains",
    "water-works",
    "power",
    "telecom",
    "gas",
    "property-management",
    "transport-bureau",
    "station-qinggang",
]
OUTSIDE = "taxi-antai"
PHONE = "139-0000-4321"
SHARED = f"""
- id: livelihood-group
  when: {{category: livelihood/other}}
  send: {{to: [{", ".join(GROUP)}], mode: first-claim}}
  clock: {{claim: 20m always}}
"""


@pytest.fixture
def town_with_group(tmp_path: Path, sqlite_url: str) -> Iterator[Town]:
    """Qinggang with one more kind and one more rule, at the time it is."""
    pack = tmp_path / "with-group"
    shutil.copytree(find_pack("qinggang"), pack)
    _append(pack / "categories.yaml", "- {id: livelihood/other, priority: P2, name: {zh: 民生, en: Livelihood}}\n")
    _append(pack / "rules.yaml", SHARED)
    with opened(Settings(database=sqlite_url, var=tmp_path, pack=str(pack)), None) as made:
        yield made


def test_story_01_one_post_stands_in_every_candidates_queue_within_a_second(town_with_group: Town) -> None:
    town = town_with_group
    started = time.monotonic()
    taken = town.report("楼下的事不知归谁管", category="livelihood/other", reporter={"name": "Zh", "phone": PHONE})
    seen = {responder: [item["incident_id"] for item in town.queue(responder)] for responder in GROUP}
    took_s = time.monotonic() - started
    assert len(GROUP) > 10
    assert taken["offers"] == GROUP
    assert seen == {responder: [taken["incident_id"]] for responder in GROUP}
    assert took_s < 1, f"{took_s:.2f} s for one POST and {len(GROUP)} queues"
    assert town.queue(OUTSIDE) == []


def test_story_01_the_urgent_stands_first(town_with_group: Town) -> None:
    town = town_with_group
    lamp = town.report("门前路灯坏了")
    group = town.report("楼下的事不知归谁管", category="livelihood/other")
    gas = town.report("楼道里有燃气味")
    assert [item["incident_id"] for item in town.queue("urban-lighting")] == [
        group["incident_id"],
        lamp["incident_id"],
    ]
    assert town.queue()[0]["incident_id"] == gas["incident_id"]


def test_story_01_one_claims_it_and_it_leaves_the_others_queues(town_with_group: Town) -> None:
    town = town_with_group
    incident_id = town.report("楼下的事不知归谁管", category="livelihood/other")["incident_id"]
    town.done(incident_id, "claim", responder="drains")
    late = town.command(incident_id, "claim", responder="roads")
    assert (late.status_code, late.json()["title"], late.json()["holder"]) == (409, "AlreadyClaimed", "drains")
    assert [len(town.queue(responder)) for responder in ("drains", "roads", "power")] == [1, 0, 0]


def test_story_01_nobody_outside_sees_the_callers_phone(town_with_group: Town) -> None:
    town = town_with_group
    reporter = {"name": "Invented Zhang", "phone": PHONE}
    taken = town.report("楼下的事不知归谁管", category="livelihood/other", reporter=reporter)
    incident, page = f"/api/v1/incidents/{taken['incident_id']}", f"/api/v1/reports/{taken['report_id']}/reporter"
    for responder in town.responders():
        assert PHONE not in str(town.queue(responder))
    for path in (incident, f"{incident}/timeline", f"{incident}/explanation", "/metrics"):
        told = town.http.get(path).text
        assert PHONE not in told, path
        assert "Invented" not in told, path

    for outsider in (OUTSIDE, "drains"):  # a candidate is no holder
        refused = town.http.get(page, params={"responder": outsider})
        assert (refused.status_code, PHONE in refused.text) == (403, False)
    town.done(taken["incident_id"], "claim", responder="drains")
    for insider in ("drains", "desk-110"):
        assert town.http.get(page, params={"responder": insider}).json()["reporter"]["phone"] == PHONE
    readers = [event["responder"] for event in town.events(taken["incident_id"], "ReporterRead")]
    assert readers == ["drains", "desk-110"], "every look is on record"


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as pack_file:
        pack_file.write(text)
