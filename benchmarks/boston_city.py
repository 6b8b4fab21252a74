"""What the city itself recorded about each case: the other side of the comparison, read without our reader."""

import csv
import gzip
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from benchmarks.boston_pack_files import responder_id

RECORDS: Final = "boston311_2011h2.csv.gz"
ZONE: Final = ZoneInfo("America/New_York")


class CityCase(NamedTuple):
    """`overdue` None = the city did not say. `is_duplicate` = its closing note says so; `linked` = case named there."""

    case_id: str
    kind: str
    opened_on: date
    target_at: datetime | None
    closed_at: datetime | None
    overdue: bool | None
    queue: str
    department: str
    is_duplicate: bool
    linked: str | None


City = Mapping[str, CityCase]


def records_path() -> Path:
    """In LIANDONG_SHARED_DATA, or in ../shared/data beside the checkout."""
    given = os.environ.get("LIANDONG_SHARED_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder / RECORDS


def read_city(path: Path) -> City:
    """By case id."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {row["case_enquiry_id"]: _case(row) for row in csv.DictReader(file)}


def _case(row: dict[str, str]) -> CityCase:
    return CityCase(
        case_id=row["case_enquiry_id"],
        kind=row["type"],
        opened_on=date.fromisoformat(row["open_dt"][:10]),
        target_at=_instant(row["target_dt"]),
        closed_at=_instant(row["closed_dt"]),
        overdue={"OVERDUE": True, "ONTIME": False}.get(row["ontime"]),
        queue=responder_id(row["queue"]),
        department=responder_id(row["department"]),
        is_duplicate=row["dup_flag"] == "1",
        linked=row["linked_case"] or None,
    )


def _instant(local: str) -> datetime | None:
    return datetime.fromisoformat(local).replace(tzinfo=ZONE).astimezone(UTC) if local else None
