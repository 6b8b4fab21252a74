"""The `expect` cases in rules → Case."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import cast

from routing_rules.fields import Fields
from routing_rules.model import Case, Plain, Priority
from schemas.reports import Location

TIME_FORMATS = {5: "%H:%M", 16: "%Y-%m-%d %H:%M"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\Z|[0-9]{2}:[0-9]{2}\Z")


def parse_case(row: Fields, responders: Collection[str], categories: Collection[str]) -> Case:
    case = Case(
        at=_time(row, "at") or Case().at,
        text=row.text("text"),
        category=row.text("category"),
        source=row.text("source") or "expect",
        channel=row.text("channel"),
        severity=cast("str | int | None", row.value("severity", (str, int))),
        attributes=_attributes(row),
        area=row.text("area"),
        location=_location(row),
        place=row.text("place"),
        flags=row.texts("flags"),
        finds=row.reference("finds", categories, "category"),
        rule=row.text("rule"),
        owner=row.reference("owner", responders, "responder"),
        offers=row.references("offers", responders, "responder") if row.has("offers") else None,
        copies=_maybe_none(row, "copies", responders),
        mode=row.choice("mode", ("first-claim", "race", "all")),
        priority=cast("Priority | None", row.choice("priority", ("P1", "P2", "P3", "P4"))),
        tags=row.texts("tags") if row.has("tags") else None,
        claim_due=_time(row, "claim-due"),
        fix_due=_time(row, "fix-due"),
    )
    row.unsupported("with")
    row.finish()
    return case


def _maybe_none(row: Fields, key: str, responders: Collection[str]) -> tuple[str, ...] | None:
    """`copies: none` says that there must be none."""
    if not row.has(key):
        return None
    return () if row.text_is(key, "none") else row.references(key, responders, "responder")


def _time(row: Fields, key: str) -> str | None:
    text = row.text(key)
    if text is None:
        return None
    try:
        if _DAY.match(text):
            datetime.strptime(text, TIME_FORMATS[len(text)])  # noqa: DTZ007 - local time of the pack's zone
            return text
    except ValueError:
        pass
    row.wrong(key, f'`{key}` is local time, "22:10" or "2025-01-12 12:22", not {text!r}')
    return None


def _location(row: Fields) -> Location | None:
    section = row.fields("location", "`location`")
    if section is None:
        return None
    latitude, longitude = section.number("lat", required=True), section.number("lon", required=True)
    crs = section.text("crs") or "WGS-84"
    section.finish()
    return None if latitude is None or longitude is None else Location(lat=latitude, lon=longitude, crs=crs)


def _attributes(row: Fields) -> dict[str, Plain]:
    section = row.fields("attributes", "`attributes`")
    found: dict[str, Plain] = {}
    for key, _ in section.pairs() if section else ():
        value = section.value(key.text, (str, int, float, bool)) if section else None
        if value is not None:
            found[key.text] = value
    return found
