"""Kinds of reports and what the pack qinggang owes each, written down by hand: the oracle knows no routing code."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from routing_rules import encode_bundle, load_pack
from schemas.facts import RoutingDecision
from schemas.incidents import Incident
from schemas.reports import Location, Report

PACK: Final = Path(__file__).parents[2] / "routing_rules" / "packs" / "qinggang"
NOON: Final = datetime(2025, 1, 12, 4, 22, tzinfo=UTC)  # 12:22 in Qinggang
DESK: Final = "desk-110"
NAME: Final = "欧阳试验"
PHONE: Final = "13900001111"
_CLOSE_AFTER_S: Final = 2 * 3600.0


class Kind(NamedTuple):
    """`copies` = the lists that may be right (some depend on daylight); `joins_for_s` None = reports never join."""

    text: str
    category: str | None
    mode: str
    offers: tuple[str, ...]
    copies: tuple[tuple[str, ...], ...]
    joins_for_s: int | None = None


KINDS: Final = (
    Kind("门前路灯坏了", "lighting/streetlight", "first-claim", ("urban-lighting",), ((DESK,),), 6 * 3600),
    Kind(
        "道路上有个黑窟窿",
        "road/hole",
        "first-claim",
        ("roads",),
        ((DESK,), (DESK, "traffic-122")),
        24 * 3600,
    ),
    Kind("两栋楼之间堆了很多垃圾", "sanitation/garbage", "first-claim", ("sanitation", "property-management"), ((),)),
    Kind("钱包落在出租车上了", "lost/in-taxi", "race", ("taxi-antai", "taxi-shengda"), ((DESK, "transport-bureau"),)),
    Kind("家里老人走失了", "missing/person", "all", ("station-qinggang", "search-team"), ((DESK,),)),
    Kind("着火了", "fire/seen", "all", ("fire-119", DESK), ((),), 3600),
    Kind("楼道里有燃气味", "gas/leak", "first-claim", ("gas",), ((DESK, "fire-119"),)),
    Kind("你好,想咨询一件事", None, "first-claim", (DESK,), ((),)),
)
JOINING: Final = tuple(kind for kind in KINDS if kind.joins_for_s is not None)
BY_TEXT: Final = {kind.text: kind for kind in KINDS}
BY_CATEGORY: Final = {kind.category: kind for kind in KINDS}
SILENT: Final = (None, "missing/person")  # no notice tells words or places of these
BYSTANDERS: Final = ("water-works", "mammoth-rescue", "traffic-122")  # whom no rule of these kinds names
NOBODY: Final = "nobody-here"  # whom the pack does not know


class Spot(NamedTuple):
    """A place in town; two of them are kilometres apart, two reports of one are not more than 15 m apart."""

    place: str
    lat: float
    lon: float

    def location(self, north_m: float) -> Location:
        return Location(lat=self.lat + north_m / 111_195, lon=self.lon)


SPOTS: Final = tuple(Spot(f"泰和街{10 + n}号", 46.66 + n / 50, 126.08 + n / 50) for n in range(6))


def meet(one: Report, other: Report) -> bool:
    """Whether two reports are about the same place, as far as they tell."""
    if one.location is not None and other.location is not None:
        return abs(one.location.lat - other.location.lat) < 0.001
    return one.place is not None and one.place == other.place


def fits_plan(kind: Kind, incident: Incident, *, held_by: str | None = None) -> bool:
    """Whether the incident, as it was opened, is offered to whom the pack says; or is its who took the call itself."""
    asked = tuple(offer.responder for offer in incident.offers)
    if held_by is not None:
        copies = {frozenset({DESK, *told} - {held_by}) for told in kind.copies}
        mine = (incident.owner, asked, incident.mode, incident.state) == (held_by, (held_by,), "first-claim", "claimed")
        return mine and incident.category == kind.category and frozenset(incident.copies) in copies
    return (
        incident.category == kind.category
        and incident.mode == kind.mode
        and incident.owner == kind.offers[0]
        and asked == kind.offers
        and incident.copies in kind.copies
    )


def fits_decision(kind: Kind, decision: RoutingDecision) -> bool:
    """Whether a second routing says what the pack owes this kind."""
    said = (decision.mode, decision.owner, decision.offers)
    return said == (kind.mode, kind.offers[0], kind.offers) and decision.copies in kind.copies


@cache
def bundles() -> tuple[bytes, bytes]:
    """The pack with a short time to confirm, and the same with other priorities and no such time.

    The second one owes everybody the same.
    """
    pack = replace(load_pack(PACK), close_after_s=_CLOSE_AFTER_S)
    urgent = tuple([replace(category, priority="P2") for category in pack.categories])
    return encode_bundle(pack), encode_bundle(replace(pack, categories=urgent, close_after_s=None))
