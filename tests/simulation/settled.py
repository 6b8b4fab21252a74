"""What must hold when faults have stopped and all work is done: what the outside was told against what is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from connectors.kafka.incoming import Record
from dispatcher.core import apply_row
from schemas import outcomes as out
from schemas import refusals as no
from schemas import topics
from schemas.commands import BODIES, ClaimIncident, IncidentCommand
from schemas.decode import Undecodable, report_from
from schemas.envelope import event_id, read_envelope
from schemas.incidents import Incident
from schemas.notices import Notice, OutgoingMessage
from schemas.outcomes import Outcome
from schemas.reports import Report
from tests.simulation.faults import hold
from tests.simulation.kinds import NAME, PHONE, SILENT
from tests.simulation.owed import Owed

if TYPE_CHECKING:
    from tests.simulation.world import World

_notice = msgspec.json.Decoder(Notice).decode
_OVER: Final = ("closed", "cancelled", "duplicate")
# Commands that leave cycle and epoch as they are: the answer speaks of the offering that the command named.
_STAYING: Final = tuple(
    kind
    for verb, (_, kind) in BODIES.items()
    if verb not in ("claim", "return", "refer", "joint", "correct", "follow-up", "reopen", "merge", "unmerge", "undo")
)
_ANSWERED: Final = ("dispatch.command.accepted.v1", "dispatch.command.refused.v1")


class Outside:
    """What those at the HTTP door were answered."""

    def __init__(self) -> None:
        self.reports: dict[tuple[str, str, bytes], str | None] = {}
        self._done: dict[tuple[str, str], tuple[str, out.CommandAnswer]] = {}

    def report_answered(self, report: Report, outcome: Outcome) -> None:
        """The same report hears the same incident for ever; None = kept as a dead letter."""
        name = (report.source, report.source_id, msgspec.json.encode(report, order="deterministic"))
        refused = isinstance(outcome, out.Refused) and isinstance(outcome.refusal, no.ReportConflict)
        hold(refused or isinstance(outcome, out.Taken), f"a report was answered {outcome}")
        incident_id = outcome.answer.incident_id if isinstance(outcome, out.Taken) else None
        hold(self.reports.setdefault(name, incident_id) == incident_id, f"{name[:2]} heard two answers")

    def command_answered(self, command: IncidentCommand, outcome: Outcome) -> None:
        """Whoever was told "done" once is told the same whenever it asks again."""
        if command.command_id is None:
            return
        name = (command.sender, command.command_id)
        if name in self._done:
            hold(isinstance(outcome, out.Done) and outcome.repeated, f"{name} was done, and now {outcome}")
        if isinstance(outcome, out.Done):
            _as_it_was_offered(command, outcome.answer)
            told = (command.digest, outcome.answer)
            hold(self._done.setdefault(name, told) == told, f"{name} heard two answers")


def _as_it_was_offered(command: IncidentCommand, answer: out.CommandAnswer) -> None:
    """Who names the offer or the state it answers is never taken to mean another."""
    body = command.body  # type: ignore[attr-defined]
    if isinstance(command, _STAYING) and body.epoch is not None:
        hold(body.epoch == answer.epoch, f"{command} was taken in epoch {answer.epoch}")
    if not isinstance(command, ClaimIncident) and body.seq is not None:
        hold(answer.seq in (body.seq, body.seq + 1), f"{command} was taken at {answer.seq}")


def check_settled(world: World) -> None:
    """Raises Violation."""
    _everything_is_over(world)
    _journal_rebuilds_the_tables(world)
    _every_report_is_in_one_place(world)
    _sinks_saw_what_is_owed(world)
    _notices_tell_how_it_stood(world)
    _nobody_is_named(world)
    _topic_commands_were_answered_once(world)


def _everything_is_over(world: World) -> None:
    open_ones = [it.incident for it in world.tables.incidents.values() if it.incident.state not in _OVER]
    hold(not open_ones, f"work did not end: {open_ones[:1]}")
    hold(all(it.due_at is None for it in world.tables.incidents.values()), "an alarm is left over")


def _journal_rebuilds_the_tables(world: World) -> None:
    rebuilt: dict[str, Incident] = {}
    for row in world.tables.journal:
        if row.incident_id is not None:
            rebuilt[row.incident_id] = apply_row(rebuilt.get(row.incident_id), row.seq, row.events)
    stored = {name: it.incident for name, it in world.tables.incidents.items()}
    hold(_encoded(rebuilt) == _encoded(stored), "replaying the journal gives another state")


def _encoded(incidents: dict[str, Incident]) -> dict[str, bytes]:
    return {name: msgspec.json.encode(incident) for name, incident in incidents.items()}


def _every_report_is_in_one_place(world: World) -> None:
    """A sender that was told so, or whose record the broker has, finds its report in one place."""
    taken = Counter[bytes | None](body.doc for body in world.tables.bodies.values() if body.kind == "report")
    hold(max(taken.values(), default=1) == 1, "one report has two bodies")
    letters = Counter(bytes(letter.raw) for letter in world.tables.letters.values())
    by_origin = Counter(letter.origin for letter in world.tables.letters.values())
    for (_, _, doc), incident_id in world.outside.reports.items():
        hold((incident_id is not None) == (doc in taken), "an acknowledged report is not where its sender heard")
        hold((incident_id is None) == (letters[doc] > 0), "an acknowledged report is not a dead letter, or is one too")
    for record in world.broker.records(topics.REPORTS):
        report = _report_of(record)
        places = by_origin[record.origin] + (report in taken)
        hold(places == 1, f"{record.origin} is in {places} places")
        hold(report is not None or letters[record.value or b""], f"the bytes of {record.origin} are lost")


def _report_of(record: Record) -> bytes | None:
    """The document of a readable report, as the engine keeps it."""
    try:
        event = read_envelope(record.value, record.headers)
        report, _ = report_from(msgspec.json.decode(event.data))
    except (Undecodable, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return msgspec.json.encode(report, order="deterministic")


def _sinks_saw_what_is_owed(world: World) -> None:
    seen: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    first: dict[tuple[str, str], OutgoingMessage] = {}
    for topic, messages in sorted(world.broker.sinks.items()):
        for message in messages:
            known = first.setdefault((topic, message.id), message)
            if message.key is None and b"IdempotencyMismatch" in message.data:
                continue  # without an incident it bears the id of the first answer, and its reader drops it
            same = known == message if message.key else (known.type, known.data) == (message.type, message.data)
            hold(same, f"{message.id} on {topic} is repeated with another content")
            if known is message and message.key is not None:
                seq = int(message.id.split(".")[1])
                seen[topic, message.key].append(Owed(topic, seq, message.type))
    owed = world.checks.owed
    for name in sorted(owed.keys() | seen.keys()):
        # in one row, what is said to several in any order is still said in the order of the events to each
        hold(seen.get(name, []) == owed.get(name, []), f"{name}: owed {owed.get(name)}, seen {seen.get(name)}")


def _notices_tell_how_it_stood(world: World) -> None:
    """Each tells of the incident as it was after its row, however late it is sent."""
    for topic, messages in world.broker.sinks.items():
        for message in messages:
            if message.key is not None and topics.reader_of(topic) is not None:
                notice = _notice(message.data)
                after = world.checks.states[message.key, notice.seq or 0]
                told = (notice.state, notice.cycle, notice.epoch, notice.priority)
                hold(told == (after.state, after.cycle, after.epoch, after.priority), f"{message.id} tells {told}")
                silent = after.category in SILENT and (notice.summary or notice.place)
                hold(not silent, f"{message.id} tells words of {after.category}")


def _nobody_is_named(world: World) -> None:
    """Who reported stands in the erasable bodies only."""
    told = msgspec.json.encode([world.tables.journal, list(world.broker.sinks.values())])
    hold(PHONE.encode() not in told and NAME.encode() not in told, "a reporter is named in the journal or in a notice")


def _topic_commands_were_answered_once(world: World) -> None:
    """Each id has one answer, beside complaints that it was used for another body."""
    for topic in sorted({topic for topic, _ in world.broker.logs} - {topics.REPORTS}):
        responder = topics.responder_of(topic) or ""
        answers: dict[str, list[Notice]] = defaultdict(list)
        messages: dict[str, OutgoingMessage] = {}
        for message in world.broker.sinks[topics.notices(responder)]:
            messages.setdefault(message.id, message)
        for message in messages.values():
            if message.type in _ANSWERED:
                notice = _notice(message.data)
                answers[notice.command_id or ""].append(notice)
        bodies: dict[str, set[bytes | None]] = defaultdict(set)
        for record in world.broker.records(topic):
            bodies[event_id(record.value, record.headers) or ""].add(record.value)
        hold(answers.keys() == bodies.keys(), f"{responder}: {answers.keys() ^ bodies.keys()}")
        for command_id, several in bodies.items():
            complaints = [it for it in answers[command_id] if it.reason == "IdempotencyMismatch"]
            once = len(answers[command_id]) - len(complaints) == 1
            hold(once, f"{responder}: {command_id} is answered {answers[command_id]}")
            without_incident = any(it.incident_id is None for it in answers[command_id])
            told_of_all = len(complaints) == len(several) - 1 or without_incident
            hold(told_of_all, f"{responder}: {len(complaints)} complaints of {command_id}")
