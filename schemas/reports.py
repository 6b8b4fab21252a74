"""What one person or system told us (反映), exactly as the door takes it."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Scalar = str | int | float | bool | None
Code = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]
Attachments = Annotated[tuple[Code, ...], Meta(max_length=20)]
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def is_plausible(at: datetime) -> bool:
    """Whether a clock or a promise may end then: near the ends of the calendar an instant has no local time."""
    return _EARLIEST <= at < _LATEST


class Location(Struct, frozen=True, gc=False, kw_only=True):
    """A point in degrees. Values out of range are set aside by `perceive`, never refused."""

    lat: float
    lon: float
    crs: str = "WGS-84"


class Reporter(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who told us. Lives in the erasable bodies only; never in journal, topics or logs."""

    name: str | None = None
    phone: str | None = None


class Due(Struct, frozen=True, gc=False, kw_only=True):
    """Due instants given by a trusted source or an import. `null` = no such clock; left out = the rule's clock."""

    claim_at: Instant | UnsetType | None = UNSET
    resolution_at: Instant | UnsetType | None = UNSET


class Attachment(Struct, frozen=True, gc=False, kw_only=True):
    """A photo or voice note as it is kept. `size` in bytes; width and height in pixels, of pictures only."""

    attachment_id: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None


class Report(Struct, frozen=True, gc=False, kw_only=True):
    """Body of POST /api/v1/reports and data of `dispatch.report.v1`; unique by (source, source_id).

    `held_by` = the team that took the call itself and holds the incident from the first moment. What is left out is not
    written either, so that a report has the same content hash as before these fields were there.
    """

    source: Code
    source_id: Code
    channel: str | None = None
    text: str | None = None
    category: str | None = None
    severity: str | int | None = None
    attributes: dict[str, Scalar] = {}
    area: str | None = None
    location: Location | None = None
    place: str | None = None
    reported_at: datetime | None = None
    reporter: Reporter | None = None
    due: Due | None = None
    held_by: Code | UnsetType = UNSET
    attachments: Attachments | UnsetType = UNSET
    extras: dict[str, object] = {}


class ReportAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """What the reporter's system gets back, rendered from the report's own RoutingDecided event only."""

    report_id: str
    incident_id: str
    state: str
    category: str | None
    priority: str
    owner: str
    mode: str
    offers: tuple[str, ...]
    copies: tuple[str, ...]
    joined: bool
    claim_due_at: datetime | None
    resolution_due_at: datetime | None
    rule: str
    bundle: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
