"""The files of a pack → Bundle, or every problem with its file, line and column.

The language of rules is in `parse_rules`; what a name must refer to is gathered here first, so the order of files and
sections is free.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from zoneinfo import ZoneInfo

from routing_rules import fields as reading
from routing_rules.areas import AreaTree
from routing_rules.calendars import ALWAYS, Calendar, CalendarError, parse_calendar, parse_minute
from routing_rules.fields import Fields
from routing_rules.keywords import wrong_with_pattern, wrong_with_word
from routing_rules.model import Area, Band, Bundle, Category, Keyword, Point, Priority, Responder, Source, Storm
from routing_rules.parse_rules import Names, parse_rules
from routing_rules.problems import PackError, Problem
from routing_rules.yaml_nodes import Mapping as MappingNode
from routing_rules.yaml_nodes import Node, Place, Scalar, Sequence, compose

PRIORITIES = ("P1", "P2", "P3", "P4")
_RESPONDER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_LISTS = ("responders", "categories", "areas", "keywords", "rules")
_MAPPINGS = ("sources", "bands", "calendars")
_FEWEST_IN_A_STORM = 3
_LATER = ("records", "places", "questions")


@dataclass(frozen=True)
class Parsed:
    """A bundle and where each of its rules stands (by rule id), for messages about it."""

    bundle: Bundle
    rules_at: Mapping[str, Place] = field(default_factory=dict)


def parse_pack(files: Mapping[str, str]) -> Parsed:
    """`files`: name → YAML text. Raises PackError with all problems."""
    problems: list[Problem] = []
    pack = _merge(files, problems)
    responders = tuple(_responder(row) for row in pack.items("responders", "a responder"))
    categories = tuple(_category(row) for row in pack.items("categories", "a category"))
    areas = tuple(_area(row) for row in pack.items("areas", "an area"))
    keywords = tuple(_keyword(row, {item.id for item in categories}) for row in pack.items("keywords", "a keyword"))
    calendars = _calendars(pack)
    bands = _bands(pack)
    _check_responders(pack, responders)
    _check_areas(pack, areas)
    for section, rows in (("categories", categories), ("keywords", keywords)):
        _check_unique(pack, section, [row.id for row in rows])
    names = Names(
        responders={item.id: item for item in responders},
        categories=tuple(item.id for item in categories),
        areas=frozenset(item.id for item in areas),
        bands=tuple(band.name for band in bands),
        keywords=frozenset(item.id for item in keywords),
        flags=frozenset(flag for item in keywords for flag in item.flags),
        calendars=calendars,
    )
    rules, rules_at = parse_rules(pack, names)
    jurisdiction, zone = pack.id("jurisdiction"), _zone(pack)
    bundle = Bundle(
        jurisdiction=jurisdiction,
        zone=zone,
        name=pack.names(),
        centre=_point(pack, "centre"),
        default_points=_points(pack, "default-points"),
        responders=responders,
        categories=categories,
        areas=areas,
        bands=bands,
        calendars=calendars,
        sources=_sources(pack),
        keywords=keywords,
        rules=rules,
        close_after_s=_close_after(pack),
        storm=_storm(pack),
    )
    pack.unsupported(*_LATER)
    pack.finish()
    if problems:
        raise PackError(problems)
    return Parsed(bundle, rules_at)


def _merge(files: Mapping[str, str], problems: list[Problem]) -> Fields:
    """All files as one mapping: lists are put together, the rest may be said once."""
    first = Place(next(iter(files), "pack.yaml"), 1, 1)
    whole = MappingNode(first)
    if not files:
        problems.append(first.problem("the pack has no *.yaml file"))
    for name, text in files.items():
        root = compose(name, text, problems)
        if isinstance(root, MappingNode):
            for key, scalar in root.keys.items():
                _add_section(whole, key, scalar, root.values[key], problems)
        elif root is not None:
            problems.append(root.place.problem("a file of a pack must be a mapping of sections"))
    return Fields(whole, "the pack", problems)


def _add_section(whole: MappingNode, key: str, scalar: Scalar, value: Node, problems: list[Problem]) -> None:
    known = whole.values.get(key)
    if known is None:
        whole.keys[key] = scalar
        whole.values[key] = Sequence(value.place, [*value.items]) if isinstance(value, Sequence) else value
    elif key in _LISTS and isinstance(known, Sequence) and isinstance(value, Sequence):
        known.items.extend(value.items)
    else:
        first = whole.keys[key].place
        problems.append(scalar.place.problem(f"`{key}` was said before in {first.file}, line {first.line}"))


def _zone(pack: Fields) -> str:
    zone = pack.text("zone", required=True)
    try:
        ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        pack.wrong("zone", f"`zone` is a time zone such as Asia/Shanghai, not {zone!r}")
    return zone or "UTC"


def _close_after(pack: Fields) -> float | None:
    section = pack.fields("follow-up", "`follow-up`")
    if section is None:
        return None
    seconds = section.span_s("close-after")
    section.finish()
    return seconds


def _storm(pack: Fields) -> Storm | None:
    section = pack.fields("storm", "`storm`")
    if section is None:
        return None
    count, within_m, for_s = section.integer("count", 10), section.distance_m("within"), section.span_s("for")
    if count < _FEWEST_IN_A_STORM:
        section.wrong("count", f"`count` is {_FEWEST_IN_A_STORM} or more: fewer are no storm")
    section.finish()
    return None if within_m is None or for_s is None else Storm(count=count, within_m=within_m, for_s=for_s)


def _point(row: Fields, key: str) -> Point | None:
    numbers = row.numbers(key, 2, "[latitude, longitude]")
    return None if numbers is None else _checked_point(row, key, numbers)


def _points(row: Fields, key: str) -> tuple[Point, ...]:
    node = row.node(key)
    if node is None:
        return ()
    items = node.items if isinstance(node, Sequence) else [node]
    found = (row.numbers_of(item, 2, "[latitude, longitude]") for item in items)
    return tuple(point for numbers in found if numbers and (point := _checked_point(row, key, numbers)))


def _checked_point(row: Fields, key: str, numbers: tuple[float, ...]) -> Point | None:
    latitude, longitude = numbers
    if -90 <= latitude <= 90 and -180 <= longitude <= 180:
        return latitude, longitude
    row.wrong(key, f"`{key}` is latitude (-90 to 90), then longitude (-180 to 180)")
    return None


def _responder(row: Fields) -> Responder:
    responder = Responder(
        id=row.id(pattern=_RESPONDER_ID, looks="lower-case letters, digits and hyphens"),
        name=row.names(),
        parent=row.text("parent"),
        adapter=cast("Literal['kafka'] | None", row.choice("adapter", ("kafka",))),
        capabilities=row.texts("capabilities"),
        desk=row.truth("desk"),
    )
    row.finish()
    return responder


def _category(row: Fields) -> Category:
    priority = cast("Priority", row.choice("priority", PRIORITIES) or "P3")
    category = Category(id=row.id(), name=row.names(), priority=priority, summary=row.truth("summary"))
    row.finish()
    return category


def _area(row: Fields) -> Area:
    bbox = row.numbers("bbox", 4, "[south, west, north, east]")
    if bbox and not (-90 <= bbox[0] < bbox[2] <= 90 and -180 <= bbox[1] < bbox[3] <= 180):
        row.wrong("bbox", "`bbox` is [south, west, north, east] in degrees, south below north, west below east")
    polygon = _points(row, "polygon")
    if row.has("polygon") and len(polygon) < 3:
        row.wrong("polygon", "a polygon needs three corners or more")
    area = Area(
        id=row.id(),
        name=row.names(),
        parent=row.text("parent"),
        bbox=cast("tuple[float, float, float, float] | None", bbox),
        polygon=polygon,
    )
    row.finish()
    return area


def _keyword(row: Fields, categories: set[str]) -> Keyword:
    for key in ("any", "not"):
        for scalar in row.scalars(key):
            if wrong := wrong_with_word(scalar.text):
                row.note(scalar.place, wrong)
    for scalar in row.scalars("regex"):
        if wrong := wrong_with_pattern(scalar.text):
            row.note(scalar.place, wrong)
    keyword = Keyword(
        id=row.id(),
        any=row.texts("any"),
        regex=row.texts("regex"),
        unless=row.texts("not"),
        category=row.reference("category", categories, "category"),
        flags=row.texts("flags"),
        weight=row.integer("weight", 0),
    )
    if not (row.has("any") or row.has("regex")):
        row.note(row.place, "a keyword needs `any` (words) or `regex` (patterns)")
    row.finish()
    return keyword


def _calendars(pack: Fields) -> dict[str, Calendar]:
    section = pack.fields("calendars", "`calendars`")
    found: dict[str, Calendar] = {}
    for key, node in section.pairs() if section else ():
        if key.text == ALWAYS or not re.match(r"\S{1,60}\Z", key.text):
            pack.note(key.place, f"a calendar is named by one word other than {ALWAYS}, not {key.text!r}")
        calendar = reading.parsed(node, parse_calendar, f"calendar {key.text}", pack.problems)
        if calendar is not None:
            found[key.text] = calendar
    return found


def _bands(pack: Fields) -> tuple[Band, ...]:
    section = pack.fields("bands", "`bands`")
    return tuple(
        band for key, node in (section.pairs() if section else ()) if (band := _band(pack, key.text, node)) is not None
    )


def _band(pack: Fields, name: str, node: Node) -> Band | None:
    found = re.fullmatch(r"(.+)-([^-]+)", node.text) if isinstance(node, Scalar) else None
    if found:
        start, end = _edge(found[1]), _edge(found[2])
        if start is not None and end is not None and start != end:
            return Band(name=name, start=start, end=end)
    pack.note(node.place, f'band {name}: it looks like "22:00-06:00" or "sunset-07:00"')
    return None


def _edge(text: str) -> int | Literal["sunset", "civil-dusk"] | None:
    match text.strip():
        case "sunset":
            return "sunset"
        case "civil-dusk":
            return "civil-dusk"
    try:
        return parse_minute(text, "band") % 1440
    except CalendarError:
        return None


def _sources(pack: Fields) -> tuple[Source, ...]:
    section = pack.fields("sources", "`sources`")
    found = []
    for key, node in section.pairs() if section else ():
        row = Fields(node, f"source {key.text}", pack.problems)
        found.append(Source(id=key.text, trusted=row.truth("trusted")))
        row.finish()
    return tuple(found)


def _check_unique(pack: Fields, section: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for row, name in zip(pack.items(section, section), ids, strict=True):
        if name and name in seen:
            row.wrong("id", f"`{section}` has {name!r} twice")
        seen.add(name)


def _check_responders(pack: Fields, responders: tuple[Responder, ...]) -> None:
    ids = [item.id for item in responders]
    _check_unique(pack, "responders", ids)
    desks = [item.id for item in responders if item.desk]
    if len(desks) != 1:
        pack.wrong("responders", f"exactly one responder is the desk (`desk: true`), not {len(desks)}")
    for row, item in zip(pack.items("responders", "a responder"), responders, strict=True):
        if item.parent is not None and item.parent not in ids:
            row.wrong("parent", reading.unknown("responder", item.parent, ids))


def _check_areas(pack: Fields, areas: tuple[Area, ...]) -> None:
    ids = [item.id for item in areas]
    _check_unique(pack, "areas", ids)
    parents = AreaTree(areas).parents
    for row, item in zip(pack.items("areas", "an area"), areas, strict=True):
        if item.parent is not None and item.parent not in ids:
            row.wrong("parent", reading.unknown("area", item.parent, ids))
        elif _in_circle(item.id, parents):
            row.wrong("parent", f"area {item.id!r} is its own ancestor")


def _in_circle(area: str, parents: Mapping[str, str | None]) -> bool:
    at, steps = parents.get(area), 0
    while at is not None and at != area and steps <= len(parents):
        at, steps = parents.get(at), steps + 1
    return at == area
