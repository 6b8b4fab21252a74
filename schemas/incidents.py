"""The thing to be solved (事项) and its parts, as the fold of its events."""

from datetime import datetime
from typing import Final, Literal, get_args

from msgspec import Struct

State = Literal[
    "offered", "claimed", "planned", "working", "paused", "resolved", "closed", "cancelled", "duplicate"
]  # fmt: skip
OfferState = Literal["offered", "claimed", "returned", "withdrawn"]
UnitState = Literal["dispatched", "en_route", "on_scene", "cleared", "withdrawn"]
Mode = Literal["first-claim", "race", "all"]
ClockName = Literal["claim", "resolution", "confirm", "recheck"]
WaitingFor = Literal["reporter", "parts", "weather", "other-department", "budget", "other"]

ALL_STATES: Final[tuple[State, ...]] = get_args(State)
HELD_STATES: Final[tuple[State, ...]] = ("claimed", "planned", "working", "paused")
OPEN_STATES: Final[tuple[State, ...]] = ("offered", *HELD_STATES)
NOT_OVER_STATES: Final[tuple[State, ...]] = (*OPEN_STATES, "resolved")


class Offer(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One responder's part in the current cycle; `epoch` is the offering it belongs to."""

    responder: str
    epoch: int
    state: OfferState = "offered"
    claimed_at: datetime | None = None


class Clock(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One running or stopped deadline. Late means strictly later than `due_at`; `breached_at` = when the alarm rang.

    While `paused_at` is set the clock stands; going on moves `due_at` by as long as it stood.
    """

    name: ClockName
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None = None
    breached_at: datetime | None = None
    paused_at: datetime | None = None


class Pause(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An interval in which work stood, and what for. `until` None = it stands."""

    at: datetime
    waiting_for: WaitingFor
    until: datetime | None = None


class Unit(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A crew, vehicle or drone that a responder sent; `at` = since when it is in this state."""

    unit: str
    responder: str
    state: UnitState
    at: datetime


class Duplicate(Struct, frozen=True, gc=False, array_like=True):
    """An incident that was merged into this one, with its voices."""

    incident_id: str
    voices: int


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
    close_after_s: float | None = None
    """Seconds after which a resolved incident that nobody confirmed is closed; None = it waits."""
    pauses: tuple[Pause, ...] = ()
    units: tuple[Unit, ...] = ()
    suggested_owner: str | None = None
    """Whom a responder named when it gave the incident back."""
    extension_asked_for: datetime | None = None
    """The resolution due instant that a holder has asked for, not yet decided."""
    urged: int = 0
    supervised: bool = False
    solved: bool | None = None
    satisfied: bool | None = None
    unconfirmed: bool = False
    """Closed by time, without a word from the reporter."""
    merged_into: str | None = None
    duplicates: tuple[Duplicate, ...] = ()
    parent: str | None = None
    """The storm's parent that gathers this one with others of its kind."""
    joinable: bool = False
    """Its rule groups, it was open all the time and stands where it was reported: a later report may join it."""
    gathered: int = 0
    """How many incidents this one gathers as a storm's parent."""
