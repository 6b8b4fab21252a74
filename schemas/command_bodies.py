"""What commands carry: the bodies of POST /api/v1/incidents/{id}/{verb} and of the commands topics."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.incidents import WaitingFor
from schemas.reports import Attachments, Instant, Location

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]
Priority = Literal["P1", "P2", "P3", "P4"]


class IncidentCommandBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every command about an incident may carry. `responder` = who acts, `actor` = an id, never a name.

    `cycle` and `epoch` name the offer that is answered; an older one is refused with OfferWithdrawn. `seq` = the
    incident as it was seen; when somebody else has moved it on since, the command is refused with Overtaken.
    """

    responder: Word | None = None
    actor: Word | None = None
    cycle: int | None = None
    epoch: int | None = None
    seq: int | None = None
    note: Text | None = None
    attachments: Attachments = ()


class ClaimBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """接单: I take it."""

    crew_sent: bool = False
    promised_at: Instant | None = None


class ReturnBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """退单: not ours, with a reason, and perhaps whose it is."""

    reason: Text | None = None
    suggested_owner: Word | None = None


class ResolveBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """办结: the work is done. The desk may resolve what nobody claimed, with a reason."""

    outcome: Text | None = None
    reason: Text | None = None


class CloseBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Confirmed: close it."""


class CancelBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Withdraw it, with a reason."""

    reason: Text | None = None


class ReferBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """转办. The desk hands it to `to`; from anybody else it is a return that suggests `to`, and the desk decides."""

    to: Word
    reason: Text | None = None


class JointBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """会办: these departments have a part in it too; `lead` answers for it (left out = who has it now)."""

    departments: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=50)]
    lead: Word | None = None
    reason: Text | None = None


class PlanBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it will be done."""

    promised_at: Instant


class StartBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody works on it."""


class PauseBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work stands: what it waits for, and why."""

    waiting_for: WaitingFor
    reason: Text | None = None


class ResumeBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work goes on."""


class ProgressBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something worth knowing: a note, a photo."""


class UnitBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named unit (crew, vehicle, drone) moves; its id is taken as given."""

    unit: Word


class ExtendBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """延期. A holder asks for `until`, with a reason. The desk grants (`until` left out = as asked) or not."""

    until: Instant | None = None
    granted: bool | None = None
    reason: Text | None = None


class DeferBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """挂账: it cannot be done for now; the desk looks at it again at `until`."""

    until: Instant
    waiting_for: WaitingFor = "budget"
    reason: Text | None = None


class UrgeBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """催办: please hurry."""


class SuperviseBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """督办: watch it from above; `on` false = no longer."""

    on: bool = True


class PrioritizeBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change the order of attention."""

    priority: Priority
    reason: Text | None = None


class CorrectBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put category or place right; it is routed again. What is left out stays as it was."""

    category: Word | None = None
    area: Word | None = None
    place: Text | None = None
    location: Location | None = None
    attributes: dict[str, str | int | float | bool] = {}
    reason: Text | None = None


class FollowUpBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """回访: `solved` true closes it, false reopens it, left out = not reached."""

    solved: bool | None = None
    satisfied: bool | None = None


class ReopenBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """重办: not solved after all, with a reason."""

    reason: Text | None = None


class MergeBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is the same thing as `into`."""

    into: Word
    reason: Text | None = None


class UnmergeBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is a thing of its own after all."""

    reason: Text | None = None


class UndoBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """My last step was a slip."""
