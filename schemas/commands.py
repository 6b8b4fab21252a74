"""What the outside wants to happen. Everything that comes in becomes one of these and goes through `service.handle`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from schemas.reports import Instant, Report

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]


class IncidentCommandBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every command about an incident may carry. `responder` = who acts, `actor` = an id, never a name.

    `cycle` and `epoch` name the offer that is answered; an older one is refused with OfferWithdrawn.
    """

    responder: Word | None = None
    actor: Word | None = None
    cycle: int | None = None
    epoch: int | None = None
    note: Text | None = None


class ClaimBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """接单: I take it."""

    crew_sent: bool = False
    promised_at: Instant | None = None


class ReturnBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """退单: not ours, with a reason."""

    reason: Text | None = None


class ResolveBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """办结: the work is done. The desk may resolve what nobody claimed, with a reason."""

    outcome: Text | None = None
    reason: Text | None = None


class CloseBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Confirmed: close it."""


class CancelBody(IncidentCommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Withdraw it, with a reason."""

    reason: Text | None = None


class Command(Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    """Base of all commands. `effective_at` None = the batch's own now (HTTP); topics give the broker's append time."""

    via: str = "http"
    effective_at: datetime | None = None


class SubmitReport(Command, frozen=True, kw_only=True, tag="SubmitReport"):
    """Take this report. `warnings` come from the inlet (unknown fields); `trusted` = an import may set due times.

    `incident_id` = the id of the incident if this report opens one: a replay names it before, so that the same batch
    can speak of it. None = the engine's next id.
    """

    report: Report
    warnings: tuple[str, ...] = ()
    trusted: bool = False
    origin: str | None = None
    incident_id: str | None = None


class IncidentCommand(Command, frozen=True, kw_only=True):
    """Base of the commands about one incident.

    `sender` + `command_id` is the dedupe key; `command_id` None = not deduplicated. `digest` = hash of the body, so
    that the same id with another body is refused (IdempotencyMismatch). `by_topic` = the sender reads the outcome on
    its notices topic, so acceptance and refusal are journalled; a refusal over HTTP is only counted.
    """

    incident_id: str
    sender: str = "local"
    command_id: str | None = None
    digest: str = ""
    by_topic: bool = False


class ClaimIncident(IncidentCommand, frozen=True, kw_only=True, tag="ClaimIncident"):
    body: ClaimBody = ClaimBody()


class ReturnIncident(IncidentCommand, frozen=True, kw_only=True, tag="ReturnIncident"):
    body: ReturnBody = ReturnBody()


class ResolveIncident(IncidentCommand, frozen=True, kw_only=True, tag="ResolveIncident"):
    body: ResolveBody = ResolveBody()


class CloseIncident(IncidentCommand, frozen=True, kw_only=True, tag="CloseIncident"):
    body: CloseBody = CloseBody()


class CancelIncident(IncidentCommand, frozen=True, kw_only=True, tag="CancelIncident"):
    body: CancelBody = CancelBody()


class ReadReporter(IncidentCommand, frozen=True, kw_only=True, tag="ReadReporter"):
    """Show name and phone of a report's reporter to the desk or a holder; journalled.

    `incident_id` is found by the service from `report_id` and may be empty.
    """

    report_id: str = ""
    responder: str | None = None


class FireDue(Command, frozen=True, kw_only=True, tag="FireDue"):
    """The tick: some clock of this incident is past its due instant."""

    incident_id: str


class PublishBundle(Command, frozen=True, kw_only=True, tag="PublishBundle"):
    """Make this encoded bundle (routing_rules.encode_bundle) the active one of its jurisdiction."""

    bundle: bytes
    actor: str = "local"


class KeepDeadLetter(Command, frozen=True, kw_only=True, tag="KeepDeadLetter"):
    """Something that cannot become a report or a command: its bytes are kept, with reason and provenance.

    `responder` set = it came on that responder's commands topic: the refusal is also told there.
    """

    raw: bytes
    reason: str
    origin: str
    headers: dict[str, str] = {}
    responder: str | None = None
    command_id: str | None = None


BODIES: dict[str, tuple[type[IncidentCommandBody], type[IncidentCommand]]] = {
    "claim": (ClaimBody, ClaimIncident),
    "return": (ReturnBody, ReturnIncident),
    "resolve": (ResolveBody, ResolveIncident),
    "close": (CloseBody, CloseIncident),
    "cancel": (CancelBody, CancelIncident),
}
TOPIC_COMMANDS = ("claim", "return", "resolve")
