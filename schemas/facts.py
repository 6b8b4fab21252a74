"""What `perceive` made of a report, and what `route` made of that: codes, numbers and hits, never text."""

from datetime import datetime

from msgspec import Struct

from schemas.reports import Scalar


class Why(Struct, frozen=True, gc=False, array_like=True):
    """One perceived value and the reason for it, e.g. ("category", "keyword", "路灯")."""

    subject: str
    by: str
    detail: str = ""


class Facts(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Everything rules may look at.

    `cell` is the 0.01° cell "lat*100:lon*100" (floor, e.g. "4669:12610"), None = unlocated.
    `place_key` is the normalised place name when perceived and a keyed hash of it once journalled.
    `attributes` holds only those that the bundle's rules name, so that nothing personal slips through.
    `band` is a name of the bundle's bands of day (or None), `weekday` 0 = Monday, both in the jurisdiction's zone.
    """

    source: str
    reported_at: datetime
    category: str | None = None
    area: str | None = None
    cell: str | None = None
    place_key: str | None = None
    channel: str | None = None
    severity: str | int | None = None
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    attributes: dict[str, Scalar] = {}
    band: str | None = None
    weekday: int = 0
    why: tuple[Why, ...] = ()
    warnings: tuple[str, ...] = ()


class GroupBy(Struct, frozen=True, gc=False, array_like=True):
    """Similar open incidents within so many metres and seconds take a later report as another voice."""

    within_m: float
    for_s: float


class RoutingDecision(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who gets it, by which rule, under which clocks, grouped how.

    `owner` is the first of `offers` (the lead in mode `all`). `reasons` says in codes with detail why something fell to
    the desk ("unknown-category: x/y", "rule-error: …"); empty when all went well. `close_after_s` = after so long
    without a confirmation a resolved incident is closed.
    """

    rule: str
    owner: str
    mode: str
    offers: tuple[str, ...]
    bundle: str
    copies: tuple[str, ...] = ()
    priority: str = "P3"
    tags: tuple[str, ...] = ()
    claim_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    group: GroupBy | None = None
    reasons: tuple[str, ...] = ()
    close_after_s: float | None = None
