"""What a decision is made from, beside the incident and the command: values from outside."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from schemas import events as ev
from schemas import refusals as no
from schemas.commands import Command
from schemas.facts import Facts, RoutingDecision
from schemas.incidents import Incident

Verdict = tuple[ev.IncidentEvent, ...] | no.Refusal


class Plan(Struct, frozen=True, gc=False):
    """What was found out about a report before deciding. `key` = keyed hash of (source, source_id), hex."""

    report_id: str
    incident_id: str
    key: str
    jurisdiction: str
    desk: str
    facts: Facts
    decision: RoutingDecision
    attachments: tuple[str, ...] = ()


class LastRow(Struct, frozen=True, gc=False):
    """The newest journal row of an incident and the state before it."""

    before: Incident
    seq: int
    events: tuple[ev.AnyEvent, ...]


class Context(Struct, frozen=True, gc=False):
    """`now` of the batch, `body_ref` of a command's free text; the rest only where a command needs it.

    `plan` of a report, or of an incident that is routed again; `responders` = ids that the bundle knows; `other` = the
    second incident of a merge; `last` = what an undo takes back.
    """

    now: datetime
    plan: Plan | None = None
    body_ref: str | None = None
    responders: Collection[str] = ()
    other: Incident | None = None
    last: LastRow | None = None

    def effective(self, command: Command) -> datetime:
        """When the command counts: as received, but never after the handling."""
        return self.now if command.effective_at is None else min(command.effective_at, self.now)
