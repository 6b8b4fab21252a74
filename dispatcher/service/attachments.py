"""Attachments of one turn: kept under an id, and given to the report or the answer that names them."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from dispatcher.core.context import Verdict
from dispatcher.service.working import Working
from dispatcher.store import BoundAttachment, NewAttachment, NewCommand, StoredAttachment
from dispatcher.store.attachments import attachment_of
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import Command, IncidentCommand, KeepAttachment, SubmitReport

_kept = msgspec.json.Decoder(out.AttachmentKept).decode


class Attachments:
    """What the batch names was looked up once; whoever is first in the batch gets it."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._free: dict[str, StoredAttachment] = {}
        self._kept: dict[tuple[str, str], tuple[str, out.AttachmentKept]] = {}

    def meet(self, batch: Sequence[Command]) -> None:
        named = {each for command in batch for each in attached(command)}
        if named:
            found = self._work.txn.attachments(named)
            self._free = {
                name: each for name, each in found.items() if each.body_ref is None and each.erased_at is None
            }

    def usable(self, attachment_ids: Iterable[str]) -> tuple[str, ...]:
        """Those that may be used, in the order in which they were named."""
        return tuple(each for each in attachment_ids if each in self._free)

    def added(
        self,
        verdict: tuple[ev.IncidentEvent, ...],
        command: IncidentCommand,
        attachment_ids: tuple[str, ...],
        body_ref: str | None,
    ) -> Verdict:
        """The verdict with what came along; all of it may be used, or the command is refused."""
        if unknown := tuple(each for each in attachment_ids if each not in self._free):
            return no.UnknownAttachment(attachments=unknown)
        acting = (responder for event in verdict if (responder := getattr(event, "responder", None)))
        responder = next(acting, None) or command.body.responder or command.sender  # type: ignore[attr-defined]
        return (*verdict, ev.AttachmentsAdded(responder=responder, attachments=attachment_ids, body_ref=body_ref))

    def give(self, attachment_ids: Iterable[str], body_ref: str, incident_id: str) -> None:
        """From here on they belong to this body, and are erased with it."""
        for each in attachment_ids:
            del self._free[each]
            self._work.changes.bound.append(BoundAttachment(each, body_ref, incident_id))

    def keep(self, command: KeepAttachment) -> out.Outcome:
        """An id for a file; the same command again gets the same one."""
        key = (command.sender, command.command_id or "")
        known = None if command.command_id is None else self._known(key)
        if known is None:
            return self._keep_new(command, key)
        digest, kept = known
        if digest != command.sha256:
            return out.Refused(refusal=no.IdempotencyMismatch(detail="this key was used for another file"))
        return replace(kept, repeated=True)

    def _known(self, key: tuple[str, str]) -> tuple[str, out.AttachmentKept] | None:
        if key not in self._kept and (stored := self._work.txn.known_commands([key]).get(key)):
            self._kept[key] = (stored.digest, _kept(stored.answer))
        return self._kept.get(key)

    def _keep_new(self, command: KeepAttachment, key: tuple[str, str]) -> out.AttachmentKept:
        work, now, jurisdiction = self._work, self._work.now_of(command), self._work.policies.home
        new = NewAttachment(
            attachment_id=work.ids.next(),
            jurisdiction=jurisdiction,
            media_type=command.media_type,
            size=command.size,
            width=command.width,
            height=command.height,
            sha256=command.sha256,
            thumbnail=command.thumbnail,
            at=now,
        )
        kept = out.AttachmentKept(answer=attachment_of(new))
        work.changes.attachments.append(new)
        if command.command_id is not None:
            self._kept[key] = (command.sha256, kept)
            answer = msgspec.json.encode(kept)
            work.changes.commands.append(NewCommand(jurisdiction, *key, command.sha256, None, answer, now))
        return kept


def attached(command: Command) -> tuple[str, ...]:
    """Ids of attachments that a report or a command about an incident names, each once."""
    named: object = ()
    if isinstance(command, SubmitReport):
        named = command.report.attachments
    elif isinstance(command, IncidentCommand):
        named = getattr(getattr(command, "body", None), "attachments", ())
    return tuple(dict.fromkeys(named)) if isinstance(named, tuple) else ()
