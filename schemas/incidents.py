"""The thing to be solved (事项) and its parts, as the fold of its events."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

State = Literal["offered", "claimed", "resolved", "closed", "cancelled"]
OfferState = Literal["offered", "claimed", "returned", "withdrawn"]
Mode = Literal["first-claim", "race", "all"]
ClockName = Literal["claim", "resolution"]


class Offer(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One responder's part in the current cycle; `epoch` is the offering it belongs to."""

    responder: str
    epoch: int
    state: OfferState = "offered"
    claimed_at: datetime | None = None


class Clock(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One running or stopped deadline. Late means strictly later than `due_at`; `breached_at` = when the alarm rang."""

    name: ClockName
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None = None
    breached_at: datetime | None = None


class Incident(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """State of one incident after `seq` journal rows."""

    id: str
    jurisdiction: str
    seq: int
    state: State
    report_id: str
    source: str
    opened_at: datetime
    reported_at: datetime
    rule: str
    bundle: str
    owner: str
    desk: str
    mode: Mode
    priority: str
    category: str | None = None
    area: str | None = None
    cell: str | None = None
    place_key: str | None = None
    cycle: int = 1
    epoch: int = 1
    offers: tuple[Offer, ...] = ()
    copies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    clocks: tuple[Clock, ...] = ()
    voices: int = 1
    claimed_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    promised_at: datetime | None = None
    crew_sent: bool = False
    reasons: tuple[str, ...] = ()
