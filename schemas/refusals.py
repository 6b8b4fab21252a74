"""Typed refusals: a command was understood, and this is why it does not happen. Title = class name."""

from datetime import datetime

from msgspec import Struct


class Refusal(Struct, frozen=True, kw_only=True, tag_field="title"):
    """Base; `status` is the HTTP status of its problem+json."""

    detail: str = ""

    @property
    def status(self) -> int:
        return STATUS[type(self).__name__]


class AlreadyClaimed(Refusal, frozen=True, kw_only=True, tag="AlreadyClaimed"):
    holder: str
    claimed_at: datetime


class OfferWithdrawnRefusal(Refusal, frozen=True, kw_only=True, tag="OfferWithdrawn"):
    """The offer answered belongs to an older cycle or epoch, or was withdrawn."""


class NotAllowedInState(Refusal, frozen=True, kw_only=True, tag="NotAllowedInState"):
    state: str


class NotYours(Refusal, frozen=True, kw_only=True, tag="NotYours"):
    pass


class NotCandidate(Refusal, frozen=True, kw_only=True, tag="NotCandidate"):
    pass


class Overtaken(Refusal, frozen=True, kw_only=True, tag="Overtaken"):
    """The incident moved on since it was looked at."""

    seq: int


class UnknownResponder(Refusal, frozen=True, kw_only=True, tag="UnknownResponder"):
    """The bundle in force knows no responder of this id."""

    responder: str


class UnknownCategory(Refusal, frozen=True, kw_only=True, tag="UnknownCategory"):
    """The bundle in force knows no such category."""

    category: str


class NotInFuture(Refusal, frozen=True, kw_only=True, tag="NotInFuture"):
    """A promise, an extension or a re-check date must lie ahead."""


class NothingToDecide(Refusal, frozen=True, kw_only=True, tag="NothingToDecide"):
    """No extension was asked for, nothing to correct, no note: the command says nothing."""


class UnitNotThere(Refusal, frozen=True, kw_only=True, tag="UnitNotThere"):
    """This unit is not where the move must start from; `state` "" = it was never sent."""

    unit: str
    state: str


class MergeRefused(Refusal, frozen=True, kw_only=True, tag="MergeRefused"):
    """Into itself, in a circle, across jurisdictions, or into something that is over."""


class NotUndoable(Refusal, frozen=True, kw_only=True, tag="NotUndoable"):
    """Too late, another's step, overtaken by another step, or a step that cannot be taken back."""


class UnknownIncident(Refusal, frozen=True, kw_only=True, tag="UnknownIncident"):
    pass


class UnknownAttachment(Refusal, frozen=True, kw_only=True, tag="UnknownAttachment"):
    """No such attachments, or erased, or used elsewhere already."""

    attachments: tuple[str, ...]


class UnknownReport(Refusal, frozen=True, kw_only=True, tag="UnknownReport"):
    pass


class ResponderRequired(Refusal, frozen=True, kw_only=True, tag="ResponderRequired"):
    pass


class ReasonRequired(Refusal, frozen=True, kw_only=True, tag="ReasonRequired"):
    pass


class IdempotencyMismatch(Refusal, frozen=True, kw_only=True, tag="IdempotencyMismatch"):
    pass


class ReportConflict(Refusal, frozen=True, kw_only=True, tag="ReportConflict"):
    """Same (source, source_id), other content. The newcomer is kept as a dead letter."""

    report_id: str
    incident_id: str
    letter_id: str


class BundleRefused(Refusal, frozen=True, kw_only=True, tag="BundleRefused"):
    problems: tuple[str, ...] = ()


class Unprocessable(Refusal, frozen=True, kw_only=True, tag="Unprocessable"):
    """The item alone made its transaction fail; it is kept as a dead letter."""

    letter_id: str


class UnknownLetter(Refusal, frozen=True, kw_only=True, tag="UnknownLetter"):
    pass


class UnknownBody(Refusal, frozen=True, kw_only=True, tag="UnknownBody"):
    """Nothing was ever kept under this ref."""


class LetterSettled(Refusal, frozen=True, kw_only=True, tag="LetterSettled"):
    """It was redriven or discarded, and stays so."""

    letter_id: str
    state: str


class LetterStays(Refusal, frozen=True, kw_only=True, tag="LetterStays"):
    """It still cannot be taken; `reason` says why, and the letter is as it was."""

    letter_id: str
    reason: str


class Erased(Refusal, frozen=True, kw_only=True, tag="Erased"):
    """What is asked for was erased, for good."""


AnyRefusal = (
    AlreadyClaimed
    | OfferWithdrawnRefusal
    | NotAllowedInState
    | NotYours
    | NotCandidate
    | Overtaken
    | UnknownResponder
    | UnknownCategory
    | NotInFuture
    | NothingToDecide
    | UnitNotThere
    | MergeRefused
    | NotUndoable
    | UnknownIncident
    | UnknownReport
    | UnknownAttachment
    | ResponderRequired
    | ReasonRequired
    | IdempotencyMismatch
    | ReportConflict
    | BundleRefused
    | Unprocessable
    | UnknownLetter
    | UnknownBody
    | LetterSettled
    | LetterStays
    | Erased
)

STATUS = {
    "AlreadyClaimed": 409,
    "OfferWithdrawnRefusal": 409,
    "NotAllowedInState": 409,
    "NotYours": 409,
    "ReportConflict": 409,
    "Overtaken": 409,
    "UnitNotThere": 409,
    "MergeRefused": 409,
    "NotUndoable": 409,
    "UnknownResponder": 422,
    "UnknownCategory": 422,
    "NotInFuture": 422,
    "NothingToDecide": 422,
    "NotCandidate": 403,
    "UnknownIncident": 404,
    "UnknownReport": 404,
    "UnknownAttachment": 422,
    "ResponderRequired": 422,
    "ReasonRequired": 422,
    "IdempotencyMismatch": 422,
    "BundleRefused": 422,
    "Unprocessable": 500,
    "UnknownLetter": 404,
    "UnknownBody": 404,
    "LetterSettled": 409,
    "LetterStays": 422,
    "Erased": 410,
}


def title(refusal: Refusal) -> str:
    """The name of the refusal as problem title and as `reason` of command.refused."""
    return str(type(refusal).__struct_config__.tag)
