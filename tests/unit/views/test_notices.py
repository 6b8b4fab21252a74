"""What a row tells whom: each move to those it concerns, with the codes that say what its name does not."""

from typing import Any

import pytest

from dispatcher.views.notices import CHANGED, OFFER_MADE, OFFER_WITHDRAWN, notices_of
from schemas.events import JournalRow
from schemas.notices import Notice
from tests.unit.core.incident_making import DESK, minutes
from tests.unit.core.life_making import Life

Told = list[tuple[str, str, Notice]]


def told(life: Life, verb: str, who: str, **says: Any) -> Told:
    happened = life.does(verb, who, **says)
    row = JournalRow(
        position=1,
        jurisdiction="cn-231223",
        incident_id="I1",
        seq=life.incident.seq,
        command_id="",
        actor=who,
        at=minutes(life.minute),
        events=happened,
    )
    return list(notices_of(row, life.incident, place=None, summary=None))


def changed(notices: Told, event: str) -> dict[str, dict[str, str]]:
    """By responder, the codes of a change."""
    return {to: notice.detail for to, kind, notice in notices if kind == CHANGED and notice.event == event}


@pytest.mark.parametrize(
    ("verb", "who", "says", "event", "codes"),
    [
        ("plan", "a", {}, "IncidentPlanned", {"promised_at": "2025-01-12T14:00:00Z"}),
        ("pause", "a", {"reason": "大雪"}, "WorkPaused", {"waiting_for": "parts"}),
        ("on-scene", "a", {}, "UnitMoved", {"unit": "car-1", "state": "on_scene"}),
        ("extend", "a", {"until": minutes(720)}, "ExtensionAsked", {"until": "2025-01-12T16:00:00Z"}),
        ("defer", DESK, {"until": minutes(720)}, "WorkPaused", {"recheck_at": "2025-01-12T16:00:00Z"}),
        ("urge", DESK, {"note": "快"}, "IncidentUrged", {"responder": DESK}),
        ("supervise", DESK, {}, "SupervisionSet", {"on": "true"}),
        ("prioritize", DESK, {}, "PriorityChanged", {"priority": "P1"}),
        ("progress", "a", {"note": "看到了"}, "ProgressNoted", {"responder": "a"}),
    ],
)
def test_holder_and_desk_are_told_what_happened(
    verb: str, who: str, says: dict[str, Any], event: str, codes: dict[str, str]
) -> None:
    life = Life()
    life.does("claim", "a")
    notices = changed(told(life, verb, who, **says), event)
    assert set(notices) == {"a", DESK}
    for detail in notices.values():
        assert codes.items() <= detail.items()
        assert not set(says.values()) & {"大雪", "快", "看到了"} & set(detail.values())


def test_more_time_that_is_not_granted_is_told_without_a_time() -> None:
    life = Life()
    life.does("claim", "a")
    life.does("extend", "a")
    notices = changed(told(life, "extend", DESK, until=None, granted=False), "ExtensionDecided")
    assert notices["a"] == {"responder": DESK}


def test_handed_over_one_is_asked_and_the_other_need_not_go_on() -> None:
    life = Life()
    life.does("claim", "a")
    notices = told(life, "refer", DESK)
    assert [(to, kind) for to, kind, _ in notices if kind != CHANGED] == [("a", OFFER_WITHDRAWN), ("c", OFFER_MADE)]
    assert changed(notices, "IncidentReferred")["c"]["to"] == "c"


def test_not_solved_is_told_and_asked_anew() -> None:
    life = Life()
    life.does("claim", "a")
    life.does("resolve", "a")
    notices = told(life, "follow-up", DESK, solved=False, satisfied=None)
    assert changed(notices, "FollowedUp")["a"] == {"responder": DESK, "solved": "false"}
    assert changed(notices, "IncidentReopened")["a"]["cycle"] == "2"
    assert [to for to, kind, _ in notices if kind == OFFER_MADE] == ["a"]


def test_merged_away_it_is_withdrawn_from_whoever_had_it() -> None:
    life = Life()
    life.does("claim", "a")
    notices = told(life, "merge", DESK)
    assert [(to, notice.reason) for to, kind, notice in notices if kind == OFFER_WITHDRAWN] == [("a", "merged")]
    assert changed(notices, "IncidentMerged")[DESK]["into"] == "I2"
