# size: one union, so that whatever can happen is listed in one place
"""What happened, in the past tense. Tagged unions in the journal; old versions are lifted by `upcast`.

Free text (notes, reasons, outcomes) is never here: `body_ref` points into the erasable bodies.
"""

from datetime import datetime

from msgspec import Struct

from schemas.facts import Facts, RoutingDecision
from schemas.incidents import ClockName, Incident, State, UnitState, WaitingFor


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
    attachments: tuple[str, ...] = ()


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
    """A holder or candidate gave it back, perhaps naming who should have it; the claim clock keeps its due instant."""

    responder: str
    at: datetime
    body_ref: str | None = None
    suggested_owner: str | None = None


class IncidentReoffered(Event, frozen=True, kw_only=True, tag="IncidentReoffered"):
    """Offered to these, by what the event before it says. `owner` None = the first of them, unless the owner is one.

    `epoch` is the next one of the cycle; only joint handling adds to the offering that stands.
    """

    responders: tuple[str, ...]
    epoch: int
    at: datetime
    owner: str | None = None


class IncidentResolved(Event, frozen=True, kw_only=True, tag="IncidentResolved"):
    """Work is done (办结)."""

    responder: str
    at: datetime
    body_ref: str | None = None


class IncidentClosed(Event, frozen=True, kw_only=True, tag="IncidentClosed"):
    """Confirmed and closed; or closed by time, `unconfirmed`, and then `responder` is the desk."""

    responder: str
    at: datetime
    unconfirmed: bool = False


class IncidentCancelled(Event, frozen=True, kw_only=True, tag="IncidentCancelled"):
    """Withdrawn by the desk."""

    responder: str
    at: datetime
    body_ref: str | None = None


class IncidentReferred(Event, frozen=True, kw_only=True, tag="IncidentReferred"):
    """The desk hands it to another responder (转办); who had it until now need not go on."""

    responder: str
    to: str
    at: datetime
    body_ref: str | None = None


class JointHandlingSet(Event, frozen=True, kw_only=True, tag="JointHandlingSet"):
    """Several departments handle it together (会办): `lead` answers for it, the others have a part."""

    responder: str
    lead: str
    at: datetime
    body_ref: str | None = None


class IncidentPlanned(Event, frozen=True, kw_only=True, tag="IncidentPlanned"):
    """When it will be done, as promised."""

    responder: str
    promised_at: datetime
    at: datetime
    body_ref: str | None = None


class WorkStarted(Event, frozen=True, kw_only=True, tag="WorkStarted"):
    """Somebody works on it."""

    responder: str
    at: datetime
    body_ref: str | None = None


class WorkPaused(Event, frozen=True, kw_only=True, tag="WorkPaused"):
    """Work stands, and the resolution clock with it. `recheck_at` = deferred (挂账): looked at again then."""

    responder: str
    waiting_for: WaitingFor
    at: datetime
    recheck_at: datetime | None = None
    body_ref: str | None = None


class WorkResumed(Event, frozen=True, kw_only=True, tag="WorkResumed"):
    """Work goes on; the resolution clock is due later by as long as it stood."""

    responder: str
    at: datetime
    body_ref: str | None = None


class ProgressNoted(Event, frozen=True, kw_only=True, tag="ProgressNoted"):
    """Something worth knowing, without a change of state."""

    responder: str
    at: datetime
    body_ref: str | None = None


class UnitMoved(Event, frozen=True, kw_only=True, tag="UnitMoved"):
    """A named unit of `responder` is now in this state."""

    unit: str
    responder: str
    state: UnitState
    at: datetime
    body_ref: str | None = None


class ExtensionAsked(Event, frozen=True, kw_only=True, tag="ExtensionAsked"):
    """A holder asks for a later resolution due instant (延期)."""

    responder: str
    until: datetime
    at: datetime
    body_ref: str | None = None


class ExtensionDecided(Event, frozen=True, kw_only=True, tag="ExtensionDecided"):
    """The desk granted it: the resolution clock is due at `until`. `until` None = not granted."""

    responder: str
    until: datetime | None
    at: datetime
    body_ref: str | None = None


class IncidentUrged(Event, frozen=True, kw_only=True, tag="IncidentUrged"):
    """催办: whoever has it is asked to hurry."""

    responder: str
    at: datetime
    body_ref: str | None = None


class SupervisionSet(Event, frozen=True, kw_only=True, tag="SupervisionSet"):
    """督办: it is watched from above (or no longer)."""

    responder: str
    on: bool
    at: datetime
    body_ref: str | None = None


class PriorityChanged(Event, frozen=True, kw_only=True, tag="PriorityChanged"):
    """The order of attention changed; clocks go on as they are."""

    responder: str
    priority: str
    at: datetime
    body_ref: str | None = None


class IncidentCorrected(Event, frozen=True, kw_only=True, tag="IncidentCorrected"):
    """Category or place were put right and it was routed again. `was_*` are what had been understood: a label.

    `moved` = it stands elsewhere than was reported.

    Holders that the new decision names too keep it; the other offers are withdrawn and, when nobody holds it any more,
    the new candidates are asked, with the clocks of the new decision.
    """

    responder: str
    at: datetime
    facts: Facts
    decision: RoutingDecision
    was_category: str | None = None
    was_area: str | None = None
    moved: bool = False
    body_ref: str | None = None


class FollowedUp(Event, frozen=True, kw_only=True, tag="FollowedUp"):
    """The reporter was rung (回访). None = not asked, not reached, or no answer."""

    responder: str
    at: datetime
    solved: bool | None = None
    satisfied: bool | None = None
    body_ref: str | None = None


class IncidentReopened(Event, frozen=True, kw_only=True, tag="IncidentReopened"):
    """Not solved after all (重办): the next cycle begins, with clocks of its own."""

    responder: str
    cycle: int
    at: datetime
    claim_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    body_ref: str | None = None


class IncidentMerged(Event, frozen=True, kw_only=True, tag="IncidentMerged"):
    """It is the same thing as `into`, which goes on for both. Its clocks stop here."""

    responder: str
    into: str
    at: datetime
    body_ref: str | None = None


class DuplicateAttached(Event, frozen=True, kw_only=True, tag="DuplicateAttached"):
    """Another incident was merged into this one, which keeps its own clocks and holder."""

    duplicate: str
    voices: int
    at: datetime


class IncidentUnmerged(Event, frozen=True, kw_only=True, tag="IncidentUnmerged"):
    """It is a thing of its own after all; its clocks go on towards the same due instants."""

    responder: str
    out_of: str
    at: datetime
    body_ref: str | None = None


class DuplicateDetached(Event, frozen=True, kw_only=True, tag="DuplicateDetached"):
    """A merged incident was taken out again."""

    duplicate: str
    at: datetime


class StormDeclared(Event, frozen=True, kw_only=True, tag="StormDeclared"):
    """So many of a kind are open near each other that this one gathers them."""

    gathered: int
    at: datetime


class StormJoined(Event, frozen=True, kw_only=True, tag="StormJoined"):
    """It is one of many of its kind: `parent` gathers them; place, reporters and holder stay its own."""

    parent: str
    at: datetime


class StepUndone(Event, frozen=True, kw_only=True, tag="StepUndone"):
    """The newest row was a slip: `seq` is that row, `before` the state before it (alarms that rang in it stay rung)."""

    responder: str
    seq: int
    at: datetime
    before: Incident


class AttachmentsAdded(Event, frozen=True, kw_only=True, tag="AttachmentsAdded"):
    """Photos and voice notes came with the command of this row."""

    responder: str
    attachments: tuple[str, ...]
    body_ref: str | None = None


class BodyErased(Event, frozen=True, kw_only=True, tag="BodyErased"):
    """Text, place, reporter and attachments under these refs are gone for good."""

    refs: tuple[str, ...]
    at: datetime


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


class DeadLetterRead(Event, frozen=True, kw_only=True, tag="DeadLetterRead"):
    """Somebody looked at the bytes of a dead letter."""

    letter_id: str


class DeadLetterFixed(Event, frozen=True, kw_only=True, tag="DeadLetterFixed"):
    """Other bytes were laid beside those of a dead letter, to be taken in their place."""

    letter_id: str


class DeadLetterStayed(Event, frozen=True, kw_only=True, tag="DeadLetterStayed"):
    """A dead letter was tried again and could not be taken, now for this reason."""

    letter_id: str
    reason: str


class DeadLetterRedriven(Event, frozen=True, kw_only=True, tag="DeadLetterRedriven"):
    """A dead letter went through its door. `refused` = the command in it got an answer, and it was no."""

    letter_id: str
    report_id: str | None = None
    incident_id: str | None = None
    refused: str | None = None


class DeadLetterDiscarded(Event, frozen=True, kw_only=True, tag="DeadLetterDiscarded"):
    """A dead letter was given up."""

    letter_id: str


class DeadLetterErased(Event, frozen=True, kw_only=True, tag="DeadLetterErased"):
    """The bytes of a dead letter are gone for good."""

    letter_id: str


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
    | IncidentReferred
    | JointHandlingSet
    | IncidentReoffered
    | IncidentPlanned
    | WorkStarted
    | WorkPaused
    | WorkResumed
    | ProgressNoted
    | UnitMoved
    | ExtensionAsked
    | ExtensionDecided
    | IncidentUrged
    | SupervisionSet
    | PriorityChanged
    | IncidentCorrected
    | IncidentResolved
    | FollowedUp
    | IncidentClosed
    | IncidentReopened
    | IncidentCancelled
    | IncidentMerged
    | DuplicateAttached
    | IncidentUnmerged
    | DuplicateDetached
    | StormDeclared
    | StormJoined
    | StepUndone
    | AttachmentsAdded
    | BodyErased
    | ClockBreached
    | CommandAccepted
    | CommandRefused
    | ReporterRead
)
LetterEvent = (
    DeadLettered
    | DeadLetterRead
    | DeadLetterFixed
    | DeadLetterStayed
    | DeadLetterRedriven
    | DeadLetterDiscarded
    | DeadLetterErased
)
AnyEvent = IncidentEvent | LetterEvent | BundlePublished


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
