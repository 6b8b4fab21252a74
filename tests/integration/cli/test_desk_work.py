"""The desk's work typed in a terminal: beside a running server and without one."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.installation import Installation

LAMP = "泰和街21号门前路灯坏了"


def test_a_report_is_claimed_resolved_and_closed(served: Installation) -> None:
    told = served.typed("report", LAMP, "--area", "231223100", "--phone", "000-1234")
    assert told.returncode == 0, told.stderr
    incident_id, rest = told.stdout.split(maxsplit=1)
    assert "offered to urban-lighting" in rest
    assert "claim by" in rest

    queue = served.typed("queue", "--responder", "urban-lighting").stdout
    assert incident_id in queue
    assert served.said("queue", "--responder", "taxi-antai")["items"] == []

    claimed = served.typed("claim", incident_id, "--as", "urban-lighting", "--crew-sent", "--note", "on our way")
    assert claimed.stdout.strip() == f"{incident_id}  claimed by urban-lighting"
    assert "resolved" in served.typed("resolve", incident_id, "--outcome", "bulb replaced").stdout
    assert "closed" in served.typed("close", incident_id).stdout

    story = served.typed("show", incident_id).stdout
    for said in (
        "closed",
        "IncidentClaimed",
        "on our way",
        "bulb replaced",
        "why it went there",
        "streetlight",
        "路灯",
    ):
        assert said in story
    assert "000-1234" not in story


def test_a_return_goes_back_to_the_desk_with_its_reason(served: Installation) -> None:
    incident_id = served.said("report", "家里停水了", "--source-id", uuid.uuid4().hex)["incident_id"]
    served.typed("claim", incident_id, "--as", "water-works")
    returned = served.typed("return", incident_id, "--as", "water-works", "--reason", "not our pipe")
    assert "offered" in returned.stdout, returned.stderr
    assert "not our pipe" in served.typed("show", incident_id).stdout
    assert "cancelled" in served.typed("cancel", incident_id, "--reason", "solved itself").stdout


def test_the_same_source_id_again_says_the_same(served: Installation) -> None:
    words = ("report", LAMP, "--source", "110", "--source-id", uuid.uuid4().hex)
    assert served.said(*words) == served.said(*words)


def test_show_as_json_has_all_three_parts(served: Installation) -> None:
    incident_id = served.said("report", LAMP)["incident_id"]
    shown = served.said("show", incident_id)
    assert shown["incident"]["incident_id"] == incident_id
    assert [entry["type"] for entry in shown["timeline"]["entries"]][:1] == ["ReportReceived"]
    assert shown["explanation"]["reports"][0]["decision"]["rule"] == "streetlight"


def test_without_a_server_the_database_is_opened_for_the_command(installation: Installation) -> None:
    incident_id = installation.said("report", LAMP)["incident_id"]
    assert installation.said("claim", incident_id, "--as", "urban-lighting")["state"] == "claimed"
    with installation.serving() as http:
        assert http.get(f"/api/v1/incidents/{incident_id}").json()["holder"] == "urban-lighting"
        (item,) = installation.said("queue", "--responder", "urban-lighting")["items"]
        assert item["incident_id"] == incident_id
    assert not installation.server_file.exists()
    assert installation.said("show", incident_id)["incident"]["state"] == "claimed"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "UnknownIncident: there is no such incident"),
        (("show", "nonsense"), "UnknownIncident: there is no such incident"),
        (("claim", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--as", "roads"), "UnknownIncident"),
        (("report",), "text or category"),
        (("report", LAMP, "--at", "north"), "LAT,LON"),
        (("queue", "--state", "lost"), "state 'lost' is none of"),
        (("queue", "--cursor", "x"), "this cursor was not made by this list"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(served: Installation, words: tuple[str, ...], told: str) -> None:
    code, said = served.refused(*words)
    assert told in said
    assert code in {1, 2}


def test_a_refused_claim_says_who_has_it_and_since_when(served: Installation) -> None:
    answer = served.said("report", "两栋楼之间堆了很多垃圾,这得找谁啊")
    first = served.said("claim", answer["incident_id"], "--as", "sanitation")
    code, said = served.refused("claim", answer["incident_id"], "--as", "property-management")
    assert (code, said.startswith("AlreadyClaimed")) == (1, True)
    assert "holder: sanitation" in said
    assert first["claimed_at"] in said
    code, said = served.refused("claim", answer["incident_id"], "--as", "taxi-antai", "--json")
    assert (code, json.loads(said)["title"]) == (1, "NotCandidate")
