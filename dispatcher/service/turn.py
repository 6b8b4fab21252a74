"""One transaction's worth of work: load what the batch touches, decide each command, collect what to save."""

from collections.abc import Callable, Sequence

import msgspec

from dispatcher.core import Context, decide
from dispatcher.service.answers import command_answer
from dispatcher.service.attachments import Attachments, attached
from dispatcher.service.contexts import Contexts
from dispatcher.service.erasing import Erasing
from dispatcher.service.letters import Letters
from dispatcher.service.reports import Reports
from dispatcher.service.working import Working
from dispatcher.store import NewBundle, NewCommand
from routing_rules import bundle_id, decode_bundle
from schemas import events as ev
from schemas import outcomes as out
from schemas import refusals as no
from schemas.commands import (
    AttachDuplicate,
    Command,
    DetachDuplicate,
    FireDue,
    GatherStorm,
    IncidentCommand,
    KeepAttachment,
    KeepDeadLetter,
    MergeIncident,
    PublishBundle,
    ReadReporter,
    SubmitReport,
    UnmergeIncident,
)
from schemas.incidents import Incident
from schemas.reports import Report
from schemas.upkeep_commands import EraseBody

_outcomes = msgspec.json.Decoder(out.Outcome)


class Turn:
    """Runs a batch on a `Working`; the caller saves `work.changes` as the transaction's last act."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._attachments = Attachments(work)
        self._reports = Reports(work, self._attachments)
        self._contexts = Contexts(work)
        self._letters = Letters(work)
        self._erasing = Erasing(work)
        self._known: dict[tuple[str, str], tuple[str, out.Outcome]] = {}
        self._incident_of_report: dict[str, str] = {}
        self._handlers: dict[type[Command], Callable[..., out.Outcome]] = {
            ReadReporter: self._read_reporter,
            FireDue: self._fire,
            GatherStorm: self._gather,
            PublishBundle: self._publish,
            KeepDeadLetter: self._dead_letter,
            KeepAttachment: self._attachments.keep,
            EraseBody: self._erasing.erase,
            **self._letters.handlers,
        }

    def run(self, batch: Sequence[Command]) -> list[out.Outcome]:
        batch = self._letters.meet(batch)
        joined = self._reports.meet(batch)
        self._meet_commands(batch)
        self._attachments.meet(batch)
        self._load(batch, joined)
        outcomes = [self._handle(place, command) for place, command in enumerate(batch)]
        self._work.collect_incidents()
        return outcomes

    def _meet_commands(self, batch: Sequence[Command]) -> None:
        named = [it for it in batch if isinstance(it, IncidentCommand) and it.command_id is not None]
        keys = {(command.sender, command.command_id or "") for command in named}
        keys |= {_complaint_key(command) for command in named if command.by_topic}
        if keys:
            for key, known in self._work.txn.known_commands(keys).items():
                self._known[key] = (known.digest, _outcomes.decode(known.answer))

    def _load(self, batch: Sequence[Command], joined: set[str]) -> None:
        for command in batch:
            if isinstance(command, ReadReporter) and (found := self._work.txn.report_of(command.report_id)):
                self._incident_of_report[command.report_id] = found
        named = {
            command.incident_id for command in batch if isinstance(command, IncidentCommand | FireDue | GatherStorm)
        }
        wanted = (joined | named | self._erasing.meet(batch) | set(self._incident_of_report.values())) - {""}
        if wanted:
            self._work.load(wanted)
        if others := self._contexts.others(batch):
            self._work.load_also(others)

    def _handle(self, place: int, command: Command) -> out.Outcome:
        if isinstance(command, SubmitReport):
            outcome = self._reports.submit(place, command)
        else:
            outcome = self._handlers.get(type(command), self._incident_command)(command)
        return self._letters.concluded(place, command, outcome)

    def _incident_command(self, command: IncidentCommand) -> out.Outcome:
        key = (command.sender, command.command_id or "")
        if command.command_id is not None and key in self._known:
            digest, outcome = self._known[key]
            if digest != command.digest:
                return self._refuse_mismatch(command)
            return msgspec.structs.replace(outcome, repeated=True) if isinstance(outcome, out.Done) else outcome
        outcome = self._decide(command)
        if command.command_id is not None and (command.by_topic or isinstance(outcome, out.Done)):
            self._known[key] = (command.digest, outcome)
            self._keep_key(command, key, outcome)
        return outcome

    def _refuse_mismatch(self, command: IncidentCommand) -> out.Outcome:
        """A record that is read again is complained of once."""
        refusal = no.IdempotencyMismatch(detail="this key was used with another body")
        outcome, complaint = out.Refused(refusal=refusal), _complaint_key(command)
        if command.by_topic and complaint not in self._known:
            self._journal_refusal(command, self._work.incidents.get(command.incident_id), refusal)
            self._known[complaint] = (command.digest, outcome)
            self._keep_key(command, complaint, outcome)
        return outcome

    def _keep_key(self, command: IncidentCommand, key: tuple[str, str], outcome: out.Outcome) -> None:
        incident = self._work.incidents.get(command.incident_id)
        self._work.changes.commands.append(
            NewCommand(
                jurisdiction=incident.jurisdiction if incident else self._work.policies.home,
                sender=key[0],
                command_id=key[1],
                digest=command.digest,
                incident_id=incident.id if incident else None,
                answer=msgspec.json.encode(outcome),
                at=self._work.now_of(command),
            )
        )

    def _decide(self, command: IncidentCommand) -> out.Outcome:
        work, incident, said = self._work, self._work.incidents.get(command.incident_id), _said(command)
        attachments = attached(command)
        now, body_ref = work.now_of(command), work.ids.next() if said or attachments else None
        context = self._contexts.of(incident, command, body_ref)
        verdict = decide(incident, command, context)
        if attachments and not isinstance(verdict, no.Refusal):
            verdict = self._attachments.added(verdict, command, attachments, body_ref)
        if isinstance(verdict, no.Refusal) or incident is None:
            refusal = verdict if isinstance(verdict, no.Refusal) else no.UnknownIncident()
            if command.by_topic:
                self._journal_refusal(command, incident, refusal)
            return out.Refused(refusal=refusal)  # type: ignore[arg-type]
        if command.by_topic:
            verdict = (*verdict, ev.CommandAccepted(responder=command.sender, command=_name(command)))
        if verdict:
            actor = command.body.actor or command.sender  # type: ignore[attr-defined]
            incident = work.journal(incident, verdict, command_id=command.command_id or "", actor=actor, now=now)
            if body_ref is not None:
                work.keep_said(incident, body_ref, msgspec.json.encode(said), now)
                self._attachments.give(attachments, body_ref, incident.id)
            if context.other is not None:
                self._other_half(incident, context.other, command, actor)
        return out.Done(answer=command_answer(incident))

    def _other_half(self, duplicate: Incident, other: Incident, command: IncidentCommand, actor: str) -> None:
        """What a merge or unmerge does to the incident that stays, in the same transaction."""
        half: IncidentCommand | None = None
        if isinstance(command, MergeIncident):
            half = AttachDuplicate(incident_id=other.id, duplicate=duplicate.id, voices=duplicate.voices)
        elif isinstance(command, UnmergeIncident):
            half = DetachDuplicate(incident_id=other.id, duplicate=duplicate.id)
        now = self._work.now_of(command)
        verdict = () if half is None else decide(other, half, Context(now=now))
        if isinstance(verdict, no.Refusal):  # both halves were checked by the first
            raise TypeError(type(verdict).__name__)
        if verdict:
            self._work.journal(other, verdict, command_id=command.command_id or "", actor=actor, now=now)

    def _journal_refusal(self, command: IncidentCommand, incident: Incident | None, refusal: no.Refusal) -> None:
        """Tell the sender on its notices topic why not."""
        told = msgspec.to_builtins(refusal)
        refused = ev.CommandRefused(
            responder=command.sender,
            command=_name(command),
            reason=no.title(refusal),
            detail={name: str(value) for name, value in told.items() if name != "title" and value},
        )
        work, command_id, now = self._work, command.command_id or "", self._work.now_of(command)
        if incident is None:
            work.add_row(work.policies.home, (refused,), command_id=command_id, actor=command.sender, now=now)
        else:
            work.journal(incident, (refused,), command_id=command_id, actor=command.sender, now=now)

    def _read_reporter(self, command: ReadReporter) -> out.Outcome:
        work = self._work
        incident = work.incidents.get(self._incident_of_report.get(command.report_id, ""))
        if incident is None:
            return out.Refused(refusal=no.UnknownReport())
        now = work.now_of(command)
        verdict = decide(incident, command, Context(now=now, other=self._contexts.surviving(incident)))
        if isinstance(verdict, no.Refusal):
            return out.Refused(refusal=verdict)  # type: ignore[arg-type]
        body = work.txn.body(command.report_id)
        if body is not None and not body.doc:
            return out.Refused(refusal=no.Erased(detail="this report was erased"))
        work.journal(incident, verdict, command_id="", actor=command.responder or "", now=now)
        reporter = msgspec.json.decode(body.doc, type=Report).reporter if body and body.doc else None
        shown = out.ReporterAnswer(report_id=command.report_id, incident_id=incident.id, reporter=reporter)
        return out.Shown(answer=shown)

    def _fire(self, command: FireDue) -> out.Outcome:
        incident, now = self._work.incidents.get(command.incident_id), self._work.now_of(command)
        verdict = decide(incident, command, Context(now=now))
        if incident is None or isinstance(verdict, no.Refusal) or not verdict:
            return out.Fired(incident_id=command.incident_id, rang=())
        self._work.journal(incident, verdict, command_id="", actor="tick", now=now)
        rang = tuple(event.clock if isinstance(event, ev.ClockBreached) else "confirm" for event in verdict)
        return out.Fired(incident_id=incident.id, rang=rang)

    def _gather(self, command: GatherStorm) -> out.Outcome:
        incident, now = self._work.incidents.get(command.incident_id), self._work.now_of(command)
        verdict = decide(incident, command, Context(now=now))
        if incident is None or isinstance(verdict, no.Refusal):
            return out.Refused(refusal=no.UnknownIncident())
        if verdict:
            incident = self._work.journal(incident, verdict, command_id="", actor="storms", now=now)
        return out.Done(answer=command_answer(incident))

    def _publish(self, command: PublishBundle) -> out.Outcome:
        name, jurisdiction = bundle_id(command.bundle), decode_bundle(command.bundle).jurisdiction
        active = self._work.policies.of_jurisdiction(jurisdiction)
        if active is not None and active.id == name:
            return out.Published(bundle=name, changed=False)
        now = self._work.now_of(command)
        self._work.changes.bundles.append(
            NewBundle(jurisdiction=jurisdiction, bundle_id=name, doc=command.bundle, at=now)
        )
        published = ev.BundlePublished(bundle=name, replaces=active.id if active else None)
        self._work.add_row(jurisdiction, (published,), command_id="", actor=command.actor, now=now)
        return out.Published(bundle=name, changed=True)

    def _dead_letter(self, command: KeepDeadLetter) -> out.Outcome:
        return self._work.keep_letter(command, self._work.policies.home)


def _complaint_key(command: IncidentCommand) -> tuple[str, str]:
    """Names the complaint that this command's id was used for another body."""
    return command.sender, f"{command.command_id} {command.digest}"


def _said(command: IncidentCommand) -> dict[str, str]:
    """The free text of a command: what goes to the erasable bodies."""
    body = command.body  # type: ignore[attr-defined]
    told = {name: text for name in ("note", "reason", "outcome", "place") if (text := getattr(body, name, None))}
    point = getattr(body, "location", None)
    return told | ({"location": f"{point.lat},{point.lon}"} if point is not None else {})


def _name(command: Command) -> str:
    return str(type(command).__struct_config__.tag)
