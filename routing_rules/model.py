"""What a pack says, as published: frozen structs, encoded canonically, named by their hash."""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from routing_rules.calendars import Calendar
from routing_rules.clocks import ClockSpec
from schemas.facts import GroupBy
from schemas.reports import Location

Priority = Literal["P1", "P2", "P3", "P4"]
RuleMode = Literal["first-claim", "race", "all", "copy"]
Plain = str | int | float | bool
Point = tuple[float, float]  # latitude, longitude in degrees, WGS-84


class Named(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something with an id and its names by language ({"zh": "城建路灯", "en": "Urban lighting"})."""

    id: str
    name: dict[str, str] = {}

    def named(self, language: str) -> str:
        """The name in this language, else in any, else the id."""
        return self.name.get(language) or next(iter(self.name.values()), self.id)


class Responder(Named, frozen=True, kw_only=True, omit_defaults=True):
    """Whoever can be offered an incident; exactly one is the desk. `adapter`: how it is reached, beside the console."""

    parent: str | None = None
    adapter: Literal["kafka"] | None = None
    capabilities: tuple[str, ...] = ()
    desk: bool = False


class Category(Named, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of incident (slash path). `summary` = a notice may carry the masked text of the report."""

    priority: Priority = "P3"
    summary: bool = False


class Area(Named, frozen=True, kw_only=True, omit_defaults=True):
    """A node of the area tree; without `parent`, a code of digits is under the longest declared code it begins with.

    `bbox` = south, west, north, east; `polygon` = corners in order; WGS-84 degrees. Neither: never found by point.
    """

    parent: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    polygon: tuple[Point, ...] = ()


class Band(Struct, frozen=True, kw_only=True):
    """Part of the day in local time, `start` included, `end` not; it may run over midnight.

    An edge is a minute of the day or what the sun does at the pack's centre. Earlier bands of a pack win.
    """

    name: str
    start: int | Literal["sunset", "civil-dusk"]
    end: int | Literal["sunset", "civil-dusk"]


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A system that reports. `trusted` = its due times and old dates are taken as they are."""

    id: str
    trusted: bool = False


class Keyword(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of the keyword table.

    It hits when a word of `any` or a pattern of `regex` is in the text and no word of `unless` is. Of several hits with
    a category the highest `weight` decides, then the longest hit, then the id.
    """

    id: str
    any: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    category: str | None = None
    flags: tuple[str, ...] = ()
    weight: int = 0


class Range(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers between bounds; None = open on that side."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None


Values = tuple[Plain, ...] | Range


class When(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions of a rule; all must hold, an empty one is no condition, and an unknown fact matches none.

    `category`: ids or "path/*" (that node and all under it); `area`: areas with all below them; of `source`, `channel`,
    `severity`, `band`, `weekday` (0 = Monday) and each attribute one of the values; of `flags` and `keywords` all.
    """

    category: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    severity: Values = ()
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    attributes: dict[str, Values] = {}
    band: tuple[str, ...] = ()
    weekday: tuple[int, ...] = ()


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An `expect` case of a rule: a report, and what must come of it. Unset fields are not looked at.

    `at` is local time, "22:10" or "2025-01-12 12:22". `flags` must be found when there is a text, else they are given.
    The rule that carries the case must be among those that match.
    """

    at: str = "2025-01-15 12:00"
    text: str | None = None
    category: str | None = None
    source: str = "expect"
    channel: str | None = None
    severity: str | int | None = None
    attributes: dict[str, Plain] = {}
    area: str | None = None
    location: Location | None = None
    place: str | None = None
    flags: tuple[str, ...] = ()
    finds: str | None = None
    rule: str | None = None
    owner: str | None = None
    offers: tuple[str, ...] | None = None
    copies: tuple[str, ...] | None = None
    mode: str | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] | None = None
    claim_due: str | None = None
    fix_due: str | None = None


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the rule table. Mode `copy` never owns: it adds its copies and tags to whatever rule wins.

    `to[0]` is the owner (the lead in mode `all`). No `claim` or `fix` = no such clock.
    """

    id: str
    when: When = When()
    to: tuple[str, ...] = ()
    mode: RuleMode = "copy"
    copies: tuple[str, ...] = ()
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    claim: ClockSpec | None = None
    fix: ClockSpec | None = None
    group: GroupBy | None = None
    overrides: tuple[str, ...] = ()
    expect: tuple[Case, ...] = ()

    @property
    def owns(self) -> bool:
        """Whether it can win; a copy rule only adds."""
        return self.mode != "copy"


class Storm(Struct, frozen=True, kw_only=True):
    """From so many open incidents of a kind on, within so many metres and seconds, one parent gathers them."""

    count: int
    within_m: float
    for_s: float


class Bundle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything published of one jurisdiction, in the order of its files.

    `default_points` are coordinates that a source gives when it knows none: they count as unlocated. `close_after_s`:
    so long after its resolution an incident that nobody confirmed is closed; None = it waits for somebody.
    """

    jurisdiction: str
    zone: str
    name: dict[str, str] = {}
    centre: Point | None = None
    default_points: tuple[Point, ...] = ()
    responders: tuple[Responder, ...] = ()
    categories: tuple[Category, ...] = ()
    areas: tuple[Area, ...] = ()
    bands: tuple[Band, ...] = ()
    calendars: dict[str, Calendar] = {}
    sources: tuple[Source, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    rules: tuple[Rule, ...] = ()
    close_after_s: float | None = None
    storm: Storm | None = None


_decoder = msgspec.json.Decoder(Bundle)


def encode_bundle(bundle: Bundle) -> bytes:
    """Canonical JSON: the same bundle gives the same bytes, however it was made.

    Values that equal a default are left out only when they are the very same object, which decoding makes them.
    """
    return _encode(_decoder.decode(_encode(bundle)))


def decode_bundle(encoded: bytes) -> Bundle:
    """Inverse of `encode_bundle`. Raises msgspec.DecodeError (ValidationError for a wrong shape)."""
    return _decoder.decode(encoded)


def _encode(bundle: Bundle) -> bytes:
    return msgspec.json.encode(bundle, order="deterministic")


def bundle_id(encoded: bytes) -> str:
    """Name of an encoded bundle: "sha256:" and hex digits."""
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"
