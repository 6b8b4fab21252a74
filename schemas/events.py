"""What happened, in the past tense. Tagged unions in the journal; old versions are lifted by `upcast`.

Free text (notes, reasons, outcomes) is never here: `body_ref` points into the erasable bodies.
"""

from datetime import datetime

from msgspec import Struct

from schemas.facts import Facts, RoutingDecision
from schemas.incidents import ClockName, State


class Event(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base: `type` (tag) and `v` (version, 1 unless said) travel with every event."""

    v: int = 1


class ReportReceived(Event, frozen=True, kw_only=True, tag="ReportReceived"):
    """A report was taken. Its body lies under `report_id`; `key` is the keyed hash of (source, source_id)."""

    report_id: str
    key: str
    source: str
    received_at: datetime
    via: str
    channel: str | None = None


class RoutingDecided(Event, frozen=True, kw_only=True, tag="RoutingDecided"):
    """How the report was understood and routed; enough to render its answer for ever.

    With `joined` false it opens the incident, offered in cycle 1, epoch 1 to the decision's candidates. With `joined`
    true the report is another voice of an open incident, and owner, mode, offers, copies and due instants in
    `decision` are that incident's as they were then.
    """

    incident_id: str
    jurisdiction: str
    report_id: str
    at: datetime
    desk: str
    joined: bool
    state: State
    facts: Facts
    decision: RoutingDecision


class IncidentClaimed(Event, frozen=True, kw_only=True, tag="IncidentClaimed"):
    """A responder took it. `lead` = this claim makes the incident claimed and stops the claim clock."""

    responder: str
    at: datetime
    lead: bool
    crew_sent: bool = False
    promised_at: datetime | None = None
    body_ref: str | None = None


class OfferWithdrawn(Event, frozen=True, kw_only=True, tag="OfferWithdrawn"):
    """These responders need not answer any more (somebody else won, or it is over)."""

    responders: tuple[str, ...]
    at: datetime
    because: str


class IncidentReturned(Event, frozen=True, kw_only=True, tag="IncidentReturned"):
    """A holder or candidate gave it back; the claim clock keeps its due instant."""

    responder: str
    at: datetime
    body_ref: str | None = None


class IncidentReoffered(Event, frozen=True, kw_only=True, tag="IncidentReoffered"):
    """Offered anew in the next epoch of the cycle."""

    responders: tuple[str, ...]
    epoch: int
    at: datetime


class IncidentResolved(Event, frozen=True, kw_only=True, tag="IncidentResolved"):
    """Work is done (办结)."""

    responder: str
    at: datetime
    body_ref: str | None = None


class IncidentClosed(Event, frozen=True, kw_only=True, tag="IncidentClosed"):
    """Confirmed and closed."""

    responder: str
    at: datetime


class IncidentCancelled(Event, frozen=True, kw_only=True, tag="IncidentCancelled"):
    """Withdrawn by the desk."""

    responder: str
    at: datetime
    body_ref: str | None = None


class ClockBreached(Event, frozen=True, kw_only=True, tag="ClockBreached"):
    """The alarm of a clock rang: exactly once per clock and cycle, never before its due instant has passed."""

    clock: ClockName
    due_at: datetime
    fired_at: datetime


class CommandAccepted(Event, frozen=True, kw_only=True, tag="CommandAccepted"):
    """A command from a topic was carried out, or asked for what was so already."""

    responder: str
    command: str


class CommandRefused(Event, frozen=True, kw_only=True, tag="CommandRefused"):
    """A command from a topic could not be carried out; its sender reads this on its notices topic."""

    responder: str
    command: str
    reason: str
    detail: dict[str, str] = {}


class ReporterRead(Event, frozen=True, kw_only=True, tag="ReporterRead"):
    """Somebody looked at name and phone."""

    report_id: str
    responder: str
    at: datetime


class DeadLettered(Event, frozen=True, kw_only=True, tag="DeadLettered"):
    """Something could not become a report or a command; its bytes are kept under `letter_id`."""

    letter_id: str
    reason: str
    origin: str


class BundlePublished(Event, frozen=True, kw_only=True, tag="BundlePublished"):
    """From here on this bundle decides for its jurisdiction."""

    bundle: str
    replaces: str | None = None


IncidentEvent = (
    ReportReceived
    | RoutingDecided
    | IncidentClaimed
    | OfferWithdrawn
    | IncidentReturned
    | IncidentReoffered
    | IncidentResolved
    | IncidentClosed
    | IncidentCancelled
    | ClockBreached
    | CommandAccepted
    | CommandRefused
    | ReporterRead
)
AnyEvent = IncidentEvent | DeadLettered | BundlePublished


class JournalRow(Struct, frozen=True, gc=False, kw_only=True):
    """One row of the journal: what one command did to one incident (or to none), in commit order."""

    position: int
    jurisdiction: str
    incident_id: str | None
    seq: int
    command_id: str
    actor: str
    at: datetime
    events: tuple[AnyEvent, ...]
