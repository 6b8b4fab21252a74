"""What the county's pack promises; its own expect cases run in test_check."""

from datetime import UTC, datetime

import pytest

from routing_rules import Compiled, perceive, route
from schemas.facts import RoutingDecision
from schemas.reports import Location, Report

SUNDAY_NOON = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)
DESK = ("desk-110",)


def decided(pack: Compiled, text: str, at: datetime = SUNDAY_NOON) -> RoutingDecision:
    report = Report(source="110", source_id="1", text=text, location=Location(lat=46.69, lon=126.10), reported_at=at)
    return route(perceive(report, pack, at), pack, at)


@pytest.mark.parametrize(
    ("text", "rule", "mode", "offers", "copies"),
    [
        ("泰和街21号门前路灯坏了", "streetlight", "first-claim", ("urban-lighting",), DESK),
        ("泰和街21号门前路灯坏", "streetlight", "first-claim", ("urban-lighting",), DESK),
        ("路灯又闪了", "streetlight", "first-claim", ("urban-lighting",), DESK),
        ("路灯", "streetlight", "first-claim", ("urban-lighting",), DESK),
        ("路灯下面的垃圾没人清", "garbage", "first-claim", ("sanitation", "property-management"), ()),
        ("两栋楼之间的垃圾这得找谁啊", "garbage", "first-claim", ("sanitation", "property-management"), ()),
        ("道路上有个黑窟窿", "road-hole", "first-claim", ("roads",), DESK),
        ("井盖丢了", "road-hole", "first-claim", ("roads",), DESK),
        ("下水道又堵了", "drain-blocked", "first-claim", ("drains",), DESK),
        ("楼里停水", "water-outage", "first-claim", ("water-works",), DESK),
        ("停电了", "power-outage", "first-claim", ("power",), DESK),
        ("手机没信号", "telecom-fault", "first-claim", ("telecom",), ()),
        ("网络又断了", "telecom-fault", "first-claim", ("telecom",), ()),
        ("屋里有燃气味", "gas-leak", "first-claim", ("gas",), ("desk-110", "fire-119")),
        (
            "钱包落在出租车上了",
            "lost-in-taxi",
            "race",
            ("taxi-antai", "taxi-shengda"),
            ("desk-110", "transport-bureau"),
        ),
        ("捡到一个证件包", "found-item", "first-claim", DESK, ()),
        ("车陷进沟里出不来", "vehicle-stuck", "first-claim", ("mammoth-rescue",), DESK),
        ("车陷进沟里,没人受伤", "vehicle-stuck", "first-claim", ("mammoth-rescue",), DESK),
        ("家里老人走失了,82岁", "missing-person", "all", ("station-qinggang", "search-team"), DESK),
        ("着火了", "fire-seen", "all", ("fire-119", "desk-110"), ()),
        ("看见浓烟", "fire-seen", "all", ("fire-119", "desk-110"), ()),
        ("想问一下几点下班", "default", "first-claim", DESK, ()),
    ],
)
def test_texts_find_their_kind(
    qinggang: Compiled, text: str, rule: str, mode: str, offers: tuple[str, ...], copies: tuple[str, ...]
) -> None:
    decision = decided(qinggang, text)
    assert (decision.rule, decision.mode, decision.offers, decision.copies) == (rule, mode, offers, copies)


def test_injury_tells_ambulance_and_traffic_police(qinggang: Compiled) -> None:
    decision = decided(qinggang, "车掉沟里了,有人受伤")
    assert decision.offers == ("mammoth-rescue",)
    assert set(decision.copies) == {"desk-110", "ambulance-120", "traffic-122"}


def test_an_open_hole_after_dark_outranks_garbage(qinggang: Compiled) -> None:
    after_sunset = datetime(2025, 1, 12, 8, 30, tzinfo=UTC)
    by_day, dark = decided(qinggang, "路上有个窟窿"), decided(qinggang, "路上有个窟窿", after_sunset)
    garbage = decided(qinggang, "有垃圾", after_sunset)
    assert (dark.priority, by_day.priority, garbage.priority) == ("P1", "P2", "P4")


def test_everyone_named_is_reached_by_kafka(qinggang: Compiled) -> None:
    expected = {
        "urban-lighting", "sanitation", "roads", "drains", "water-works", "power", "telecom", "gas",
        "property-management", "taxi-antai", "taxi-shengda", "transport-bureau", "mammoth-rescue", "station-qinggang",
        "search-team", "fire-119", "ambulance-120", "traffic-122", "desk-110",
    }  # fmt: skip
    assert set(qinggang.responders) == expected
    assert {responder.adapter for responder in qinggang.responders.values()} == {"kafka"}
    assert all(responder.name.keys() == {"zh", "en"} for responder in qinggang.responders.values())
    assert (qinggang.jurisdiction, qinggang.desk) == ("cn-231223", "desk-110")


def test_no_holiday_holds_a_fire_up(qinggang: Compiled) -> None:
    national_day = datetime(2021, 10, 3, 12, tzinfo=UTC)
    decision = decided(qinggang, "着火了", national_day)
    assert decision.claim_due_at == datetime(2021, 10, 3, 12, 5, tzinfo=UTC)
