"""What responders read on `dispatch.responders.<id>.notices.v1`."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.events import IncidentEvent

NoticeType = Literal[
    "dispatch.offer.made.v1",
    "dispatch.offer.withdrawn.v1",
    "dispatch.incident.changed.v1",
    "dispatch.incident.copied.v1",
    "dispatch.command.accepted.v1",
    "dispatch.command.refused.v1",
]


class Notice(Struct, frozen=True, kw_only=True):
    """Data of every notice. `reason` is set on refusals and withdrawals, `command_id` on answers.

    `event` names the life-cycle event of an incident.changed ("IncidentClaimed", "ClockBreached:claim" …).
    `detail` = of a refusal its own fields, of an event its codes (unit, state, until, waiting_for …); never free text.
    """

    incident_id: str | None
    cycle: int | None = None
    epoch: int | None = None
    seq: int | None = None
    state: str | None = None
    category: str | None = None
    priority: str | None = None
    mode: str | None = None
    area: str | None = None
    place: str | None = None
    summary: str | None = None
    claim_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    holder: str | None = None
    claimed_at: datetime | None = None
    event: str | None = None
    reason: str | None = None
    command_id: str | None = None
    detail: dict[str, str] = {}


class IncidentEventTold(Struct, frozen=True, kw_only=True):
    """Data of every message on `dispatch.incidents.v1`: one life-cycle event and where the incident stands after it."""

    incident_id: str
    seq: int
    cycle: int
    epoch: int
    state: str
    event: IncidentEvent


class ToldEvent(Struct, frozen=True, kw_only=True):
    """One life-cycle event on the stream: id, type and time as the message on the topic has them."""

    id: str
    type: str
    time: datetime
    data: IncidentEventTold


class ToldNotice(Struct, frozen=True, kw_only=True):
    """One notice over HTTP: id, type and time as the message on the responder's topic has them."""

    id: str
    type: NoticeType
    time: datetime
    data: Notice


class NoticePage(Struct, frozen=True, kw_only=True):
    """Notices in order; ask with `next` as `after` next time. A repeat is recognised by its `id`.

    `reset` = the cursor reaches back further than the journal, or is of another database: read the incidents anew, then
    go on from `next`.
    """

    items: tuple[ToldNotice, ...]
    next: str
    reset: bool


class OutgoingMessage(Struct, frozen=True, kw_only=True):
    """One message for an outlet that is one log: CloudEvents attributes apart from the data (encoded JSON)."""

    topic: str
    key: str | None
    id: str
    type: str
    source: str
    time: datetime
    data: bytes
