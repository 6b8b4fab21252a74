"""What the store hands back, apart from Incident and JournalRow of schemas."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct


class KnownReport(NamedTuple):
    """A report taken before; its answer stands in journal row (incident_id, seq)."""

    content_hash: bytes
    report_id: str
    incident_id: str
    seq: int


class KnownCommand(NamedTuple):
    digest: str
    answer: bytes


class Candidate(NamedTuple):
    """An open incident that a similar report may join; lat and lon in degrees, None = unlocated."""

    incident_id: str
    category: str
    cell: str | None
    place_key: str | None
    lat: float | None
    lon: float | None
    reported_at: datetime


class StoredAttachment(Struct, frozen=True, kw_only=True):
    """A photo or voice note. Not used yet: body_ref None. Erased: erased_at set, then sha256 and thumbnail None too."""

    attachment_id: str
    jurisdiction: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    sha256: str | None
    thumbnail: str | None
    body_ref: str | None
    incident_id: str | None
    at: datetime
    erased_at: datetime | None


class Body(Struct, frozen=True, kw_only=True):
    """Erasable personal data; `doc` b"" and `text` None after erasure."""

    ref: str
    jurisdiction: str
    incident_id: str
    kind: str
    at: datetime
    lat: float | None
    lon: float | None
    text: str | None
    doc: bytes


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter. `fixed` = what goes in place of `raw`; `answer` = encoded outcome of its redrive.

    Once erased, `raw` and `headers` are empty.
    """

    letter_id: str
    jurisdiction: str
    origin: str
    reason: str
    raw: bytes
    headers: dict[str, str]
    at: datetime
    state: str
    fixed: bytes | None
    report_id: str | None
    incident_id: str | None
    answer: bytes | None
    settled_at: datetime | None
    erased_at: datetime | None


class Counts(Struct, frozen=True, kw_only=True):
    """Gauges: incidents by state that are not over, dead letters kept."""

    open_by_state: dict[str, int]
    letters: int
