"""Queue, search, own items, counts, nearby, similar and the past, asked in a terminal."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.installation import Installation

HERE = "46.69,126.10"


@pytest.fixture(scope="module")
def town(served: Installation) -> dict[str, str]:
    """Ids by name; invented."""
    made = {
        "lamp": served.said("report", "泰和街21号门前路灯坏了", "--at", HERE)["incident_id"],
        "fire": served.said("report", "楼里着火了,有浓烟", "--at", "46.70,126.11")["incident_id"],
        "hole": served.said("report", "路上有个大坑,A3路口", "--at", "46.6905,126.10")["incident_id"],
    }
    time.sleep(0.01)
    made["before the claim"] = datetime.now(UTC).isoformat()
    served.said("claim", made["lamp"], "--as", "urban-lighting")
    return made


def test_the_queue_shows_how_much_is_left(served: Installation, town: dict[str, str]) -> None:
    lines = [line for line in served.typed("queue").stdout.splitlines() if line.strip()]
    assert lines[0].split() == ["incident", "prio", "left", "state", "category", "with", "clock"]
    ids = [line.split()[0] for line in lines[2:]]
    assert ids[0] == town["fire"]
    (lamp,) = [line for line in lines if town["lamp"] in line]
    assert lamp.split()[2:4] == ["100%", "claimed"]
    first = served.typed("queue", "--limit", "1").stdout
    second = served.said("queue", "--limit", "1", *first[first.index("--cursor") :].split())
    assert ids[0] in first
    assert [item["incident_id"] for item in second["items"]] == ids[1:2]


def test_search_finds_two_characters(served: Installation, town: dict[str, str]) -> None:
    assert town["lamp"] in served.typed("search", "路灯", "21").stdout
    found = served.said("search", "a3路", "大坑")["items"]
    assert [item["incident_id"] for item in found] == [town["hole"]]


def test_own_items_and_counts(served: Installation, town: dict[str, str]) -> None:
    assert town["lamp"] in served.typed("mine", "urban-lighting").stdout
    told = served.said("counts")
    assert (told["states"]["offered"], told["states"]["claimed"], told["open"]) == (2, 1, {"count": 3, "late": 0})
    assert told["responders"]["urban-lighting"] == {"offered": 0, "claimed": 1, "late": 0}
    printed = served.typed("counts").stdout
    for words in ("lighting/streetlight", "urban-lighting", "P1"):
        assert words in printed


def test_nearby_and_similar(served: Installation, town: dict[str, str]) -> None:
    (near,) = served.said("nearby", town["lamp"])["items"]
    assert (near["incident_id"], round(near["distance_m"])) == (town["hole"], 56)
    assert town["fire"] in served.typed("nearby", town["lamp"], "--within-m", "2000").stdout
    (same,) = served.said("similar", "泰和街路灯不亮", "--at", HERE)["items"]
    assert (same["incident_id"], same["reasons"][:2]) == (town["lamp"], ["near", "same-category"])
    assert "near, same-category" in served.typed("similar", "泰和街路灯不亮", "--at", HERE).stdout


def test_as_it_stood_before(served: Installation, town: dict[str, str]) -> None:
    then = town["before the claim"]
    shown = served.said("show", town["lamp"], "--as-of", then)
    assert (shown["incident"]["state"], len(shown["timeline"]["entries"])) == ("offered", 2)
    assert served.said("counts", "--as-of", then)["states"]["claimed"] == 0
    states = [item["state"] for item in served.said("queue", "--as-of", then)["items"]]
    assert states == ["offered"] * 3
    assert served.said("mine", "urban-lighting", "--as-of", then)["items"][0]["state"] == "offered"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--as-of", "yesterday"), "no time such as"),
        (("queue", "--as-of", "2099-01-01T00:00Z"), "as_of lies ahead"),
        (("nearby", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "UnknownIncident"),
        (("similar", "x", "--at", "there"), "LAT,LON"),
    ],
)
def test_what_cannot_be_asked_is_said(served: Installation, words: tuple[str, ...], told: str) -> None:
    _, said = served.refused(*words)
    assert told in said
