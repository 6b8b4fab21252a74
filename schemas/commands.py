"""What the outside wants to happen. Everything that comes in becomes one of these and goes through `service.handle`."""

import hashlib
from datetime import datetime

import msgspec
from msgspec import Struct

from schemas.command_bodies import (
    CancelBody,
    ClaimBody,
    CloseBody,
    CorrectBody,
    DeferBody,
    ExtendBody,
    FollowUpBody,
    IncidentCommandBody,
    JointBody,
    MergeBody,
    PauseBody,
    PlanBody,
    PrioritizeBody,
    ProgressBody,
    ReferBody,
    ReopenBody,
    ResolveBody,
    ResumeBody,
    ReturnBody,
    StartBody,
    SuperviseBody,
    UndoBody,
    UnitBody,
    UnmergeBody,
    UrgeBody,
)
from schemas.reports import Report

_encoder = msgspec.json.Encoder(order="deterministic")


class Command(Struct, frozen=True, gc=False, kw_only=True, tag_field="command"):
    """Base of all commands. `effective_at` None = the batch's own now (HTTP); topics give the broker's append time."""

    via: str = "http"
    effective_at: datetime | None = None


class SubmitReport(Command, frozen=True, kw_only=True, tag="SubmitReport"):
    """Take this report. `warnings` come from the inlet (unknown fields); `trusted` = an import may set due times.

    `incident_id` = the id of the incident if this report opens one: a replay names it before, so that the same batch
    can speak of it. None = the engine's next id. `letter_id` = the dead letter that it was, which a conflict leaves so.
    """

    report: Report
    warnings: tuple[str, ...] = ()
    trusted: bool = False
    origin: str | None = None
    incident_id: str | None = None
    letter_id: str | None = None


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


class ReferIncident(IncidentCommand, frozen=True, kw_only=True, tag="ReferIncident"):
    body: ReferBody


class SetJointHandling(IncidentCommand, frozen=True, kw_only=True, tag="SetJointHandling"):
    body: JointBody


class PlanIncident(IncidentCommand, frozen=True, kw_only=True, tag="PlanIncident"):
    body: PlanBody


class StartWork(IncidentCommand, frozen=True, kw_only=True, tag="StartWork"):
    body: StartBody = StartBody()


class PauseWork(IncidentCommand, frozen=True, kw_only=True, tag="PauseWork"):
    body: PauseBody


class ResumeWork(IncidentCommand, frozen=True, kw_only=True, tag="ResumeWork"):
    body: ResumeBody = ResumeBody()


class NoteProgress(IncidentCommand, frozen=True, kw_only=True, tag="NoteProgress"):
    body: ProgressBody = ProgressBody()


class DispatchUnit(IncidentCommand, frozen=True, kw_only=True, tag="DispatchUnit"):
    body: UnitBody


class MarkEnRoute(IncidentCommand, frozen=True, kw_only=True, tag="MarkEnRoute"):
    body: UnitBody


class MarkOnScene(IncidentCommand, frozen=True, kw_only=True, tag="MarkOnScene"):
    body: UnitBody


class ClearUnit(IncidentCommand, frozen=True, kw_only=True, tag="ClearUnit"):
    body: UnitBody


class WithdrawUnit(IncidentCommand, frozen=True, kw_only=True, tag="WithdrawUnit"):
    body: UnitBody


class ExtendIncident(IncidentCommand, frozen=True, kw_only=True, tag="ExtendIncident"):
    body: ExtendBody = ExtendBody()


class DeferIncident(IncidentCommand, frozen=True, kw_only=True, tag="DeferIncident"):
    body: DeferBody


class UrgeIncident(IncidentCommand, frozen=True, kw_only=True, tag="UrgeIncident"):
    body: UrgeBody = UrgeBody()


class SuperviseIncident(IncidentCommand, frozen=True, kw_only=True, tag="SuperviseIncident"):
    body: SuperviseBody = SuperviseBody()


class PrioritizeIncident(IncidentCommand, frozen=True, kw_only=True, tag="PrioritizeIncident"):
    body: PrioritizeBody


class CorrectIncident(IncidentCommand, frozen=True, kw_only=True, tag="CorrectIncident"):
    body: CorrectBody = CorrectBody()


class FollowUpIncident(IncidentCommand, frozen=True, kw_only=True, tag="FollowUpIncident"):
    body: FollowUpBody = FollowUpBody()


class ReopenIncident(IncidentCommand, frozen=True, kw_only=True, tag="ReopenIncident"):
    body: ReopenBody = ReopenBody()


class MergeIncident(IncidentCommand, frozen=True, kw_only=True, tag="MergeIncident"):
    body: MergeBody


class UnmergeIncident(IncidentCommand, frozen=True, kw_only=True, tag="UnmergeIncident"):
    body: UnmergeBody = UnmergeBody()


class UndoStep(IncidentCommand, frozen=True, kw_only=True, tag="UndoStep"):
    body: UndoBody = UndoBody()


class ReadReporter(IncidentCommand, frozen=True, kw_only=True, tag="ReadReporter"):
    """Show name and phone of a report's reporter to the desk or a holder; journalled.

    `incident_id` is found by the service from `report_id` and may be empty.
    """

    report_id: str = ""
    responder: str | None = None


class AttachDuplicate(IncidentCommand, frozen=True, kw_only=True, tag="AttachDuplicate"):
    """The other half of a merge, on the incident that stays; made by the service in the same transaction."""

    duplicate: str
    voices: int


class DetachDuplicate(IncidentCommand, frozen=True, kw_only=True, tag="DetachDuplicate"):
    """The other half of an unmerge."""

    duplicate: str


class FireDue(Command, frozen=True, kw_only=True, tag="FireDue"):
    """The tick: some clock of this incident is past its due instant."""

    incident_id: str


class GatherStorm(Command, frozen=True, kw_only=True, tag="GatherStorm"):
    """Many of a kind are open near each other: this one is the parent of `gathered` others, or joins `parent`."""

    incident_id: str
    gathered: int = 0
    parent: str | None = None


class PublishBundle(Command, frozen=True, kw_only=True, tag="PublishBundle"):
    """Make this encoded bundle (routing_rules.encode_bundle) the active one of its jurisdiction."""

    bundle: bytes
    actor: str = "local"


class KeepDeadLetter(Command, frozen=True, kw_only=True, tag="KeepDeadLetter"):
    """Something that cannot become a report or a command: its bytes are kept, with reason and provenance.

    `responder` set = it came on that responder's commands topic: the refusal is also told there. `report_id` = a report
    that it contradicts.
    """

    raw: bytes
    reason: str
    origin: str
    headers: dict[str, str] = {}
    responder: str | None = None
    command_id: str | None = None
    report_id: str | None = None


class KeepAttachment(Command, frozen=True, kw_only=True, tag="KeepAttachment"):
    """A photo or voice note that was cleaned and lies in the file store: it gets an id, by which it can be used once.

    `sha256` (hex, of the clean bytes) names it there, `thumbnail` its small picture. `sender` + `command_id` is the
    dedupe key; `command_id` None = not deduplicated.
    """

    media_type: str
    size: int
    sha256: str
    thumbnail: str | None = None
    width: int | None = None
    height: int | None = None
    sender: str = "local"
    command_id: str | None = None


BODIES: dict[str, tuple[type[IncidentCommandBody], type[IncidentCommand]]] = {
    "claim": (ClaimBody, ClaimIncident),
    "return": (ReturnBody, ReturnIncident),
    "refer": (ReferBody, ReferIncident),
    "joint": (JointBody, SetJointHandling),
    "plan": (PlanBody, PlanIncident),
    "start": (StartBody, StartWork),
    "pause": (PauseBody, PauseWork),
    "resume": (ResumeBody, ResumeWork),
    "progress": (ProgressBody, NoteProgress),
    "dispatch": (UnitBody, DispatchUnit),
    "en-route": (UnitBody, MarkEnRoute),
    "on-scene": (UnitBody, MarkOnScene),
    "clear": (UnitBody, ClearUnit),
    "withdraw": (UnitBody, WithdrawUnit),
    "extend": (ExtendBody, ExtendIncident),
    "defer": (DeferBody, DeferIncident),
    "urge": (UrgeBody, UrgeIncident),
    "supervise": (SuperviseBody, SuperviseIncident),
    "prioritize": (PrioritizeBody, PrioritizeIncident),
    "correct": (CorrectBody, CorrectIncident),
    "resolve": (ResolveBody, ResolveIncident),
    "follow-up": (FollowUpBody, FollowUpIncident),
    "close": (CloseBody, CloseIncident),
    "reopen": (ReopenBody, ReopenIncident),
    "cancel": (CancelBody, CancelIncident),
    "merge": (MergeBody, MergeIncident),
    "unmerge": (UnmergeBody, UnmergeIncident),
    "undo": (UndoBody, UndoStep),
}
TOPIC_COMMANDS = (
    "claim",
    "return",
    "refer",
    "plan",
    "start",
    "pause",
    "resume",
    "progress",
    "dispatch",
    "en-route",
    "on-scene",
    "clear",
    "withdraw",
    "extend",
    "resolve",
)


def digest_of(verb: str, incident_id: str, body: IncidentCommandBody) -> str:
    """Hash of what a command says, however its JSON was written and by whichever door it came."""
    return hashlib.sha256(_encoder.encode((verb, incident_id, body))).hexdigest()
