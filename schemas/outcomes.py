"""What `service.handle` answers, one outcome for each command, in order."""

from datetime import datetime

from msgspec import Struct

from schemas.dead_letters import DeadLetterDetail, ErasedAnswer, LetterState
from schemas.refusals import AnyRefusal
from schemas.reports import Attachment, ReportAnswer, Reporter


class CommandAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """State of the incident after an accepted command; also the stored answer of a repeated one."""

    incident_id: str
    state: str
    cycle: int
    epoch: int
    seq: int
    holder: str | None
    holders: tuple[str, ...]
    claimed_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    promised_at: datetime | None
    claim_due_at: datetime | None
    resolution_due_at: datetime | None


class ReporterAnswer(Struct, frozen=True, kw_only=True):
    report_id: str
    incident_id: str
    reporter: Reporter | None


class DeadLetterOutcome(Struct, frozen=True, kw_only=True):
    """A letter after fix, redrive or discard.

    Redriven: `report` or `command` is what its door answered, or `refused` the name of the refusal that a responder
    reads on its topic. `repeated` = it was so before.
    """

    letter_id: str
    state: LetterState
    reason: str
    report: ReportAnswer | None = None
    command: CommandAnswer | None = None
    refused: str | None = None
    repeated: bool = False


class Taken(Struct, frozen=True, gc=False, kw_only=True, tag="taken"):
    """A report: `repeated` = known before with the same content (HTTP 200 instead of 201)."""

    answer: ReportAnswer
    repeated: bool


class Done(Struct, frozen=True, gc=False, kw_only=True, tag="done"):
    """An incident command that was accepted (now, or before with the same id)."""

    answer: CommandAnswer
    repeated: bool = False


class Shown(Struct, frozen=True, kw_only=True, tag="shown"):
    answer: ReporterAnswer


class Fired(Struct, frozen=True, gc=False, kw_only=True, tag="fired"):
    """Clocks that rang in this turn (0 = another turn was first, or the clock had stopped)."""

    incident_id: str
    rang: tuple[str, ...]


class Published(Struct, frozen=True, kw_only=True, tag="published"):
    bundle: str
    changed: bool


class Lettered(Struct, frozen=True, kw_only=True, tag="lettered"):
    """Kept as a dead letter; `repeated` = the same bytes from the same place were kept before."""

    letter_id: str
    repeated: bool


class AttachmentKept(Struct, frozen=True, kw_only=True, tag="attachment-kept"):
    """`repeated` = the same file was sent before with the same id of the command."""

    answer: Attachment
    repeated: bool = False


class LetterShown(Struct, frozen=True, kw_only=True, tag="letter-shown"):
    answer: DeadLetterDetail


class LetterDone(Struct, frozen=True, kw_only=True, tag="letter-done"):
    """A dead letter was fixed, redriven or discarded (now, or before)."""

    answer: DeadLetterOutcome


class BodiesErased(Struct, frozen=True, kw_only=True, tag="bodies-erased"):
    answer: ErasedAnswer


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    refusal: AnyRefusal


Outcome = (
    Taken
    | Done
    | Shown
    | Fired
    | Published
    | Lettered
    | AttachmentKept
    | LetterShown
    | LetterDone
    | BodiesErased
    | Refused
)
