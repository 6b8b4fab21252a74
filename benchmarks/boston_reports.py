"""JSON bodies of reports for the pack `boston`: the city's of 2011 if they lie beside the checkout, else invented."""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from connectors.files.mapping import load_mapping
from connectors.files.reports import ReportFile
from routing_rules import Bundle, load_pack
from schemas.reports import Location, Report

_PROJECT: Final = Path(__file__).resolve().parents[1]
PACK: Final = _PROJECT / "routing_rules" / "packs" / "boston"
_SECONDS: Final = 184 * 86_400  # July to December


def boston_bodies(count: int) -> list[bytes]:
    """`count` different reports as a client would send them, about 450 bytes each."""
    folder = Path(os.environ.get("LIANDONG_SHARED_DATA") or _PROJECT.parent / "shared" / "data")
    records = folder / "boston311_2011h2.csv.gz"
    reports = _recorded(records) if records.is_file() else _invented(load_pack(PACK))
    bodies = [as_sent(report) for report in islice(reports, count)]
    if len(bodies) < count:
        raise ValueError(f"there are {len(bodies)} reports, not {count}")
    return bodies


def as_sent(report: Report) -> bytes:
    """The JSON of a client that leaves out what it does not know."""
    fields: dict[str, object] = msgspec.to_builtins(report)
    return msgspec.json.encode({name: value for name, value in fields.items() if value not in (None, {})})


def _recorded(records: Path) -> Iterator[Report]:
    with ReportFile(records, load_mapping(PACK / "imports" / "boston311.yaml")) as rows:
        yield from (row.report for row in rows if row.report is not None)


def _invented(bundle: Bundle) -> Iterator[Report]:
    """Spread over categories, districts, half a year and the city's area; the same on every machine."""
    dice = random.Random(2011)  # noqa: S311 - repeatable, not secret
    july = datetime(2011, 7, 1, tzinfo=UTC)
    for number in range(1_000_000):
        category = dice.choice(bundle.categories)
        yield Report(
            source="boston311",
            source_id=f"1010{number:08d}",
            channel=dice.choice(("constituent-call", "self-service", "citizens-connect-app")),
            category=category.id,
            text=category.name.get("en", category.id),
            place=f"{dice.randrange(1, 400)} Example St, Boston, MA #{dice.randrange(1 << 40):010x}",
            location=Location(lat=round(dice.uniform(42.24, 42.39), 6), lon=round(dice.uniform(-71.17, -71.0), 6)),
            attributes={"pwd_district": f"{dice.randrange(1, 11):02d}", "ward": str(dice.randrange(1, 23))},
            reported_at=july + timedelta(seconds=number * 7 % _SECONDS),
        )
