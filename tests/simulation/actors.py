"""People and systems around the engine, each a few habits and dice. They know only what they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from dispatcher.views import notices as told
from dispatcher.web.api.commands import command_from
from schemas import outcomes as out
from schemas import topics
from schemas.commands import Command, IncidentCommand, PublishBundle, ReadReporter, SubmitReport
from schemas.decode import command_body_from, report_from
from schemas.incidents import Incident
from schemas.notices import Notice, OutgoingMessage
from schemas.outcomes import Outcome
from schemas.reports import Report, Reporter
from tests.simulation.kinds import DESK, NAME, PHONE, SPOTS, Kind, Spot, bundles
from tests.simulation.model_broker import Sent

if TYPE_CHECKING:
    from tests.simulation.world import World

_ALL: Final = 1_000_000
OVER: Final = ("resolved", "closed", "cancelled")
_notice = msgspec.json.Decoder(Notice).decode
_CLAIM: Final = f"{topics.COMMAND_TYPE_PREFIX}claim.v1"


class Request(NamedTuple):
    """Somebody waits at the HTTP door. Who hears nothing asks again, if that is safe."""

    command: Command
    heard: Callable[[Outcome], None]

    @property
    def is_retried(self) -> bool:
        command = self.command
        return not isinstance(command, IncidentCommand) or command.command_id is not None


def event_headers(kind: str, source: str, event_id: str) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents, binary mode."""
    said = {"ce_specversion": "1.0", "ce_type": kind, "ce_source": source, "ce_id": event_id}
    return (("content-type", b"application/json"), *((name, text.encode()) for name, text in said.items()))


class Reporters:
    """Systems that report, over HTTP or by topic; also again, also with other content, also nonsense."""

    def __init__(self, world: World, kinds: Sequence[Kind]) -> None:
        self._world = world
        self._kinds = kinds
        self._spots = SPOTS[: world.rng.choice((1, 2, len(SPOTS)))]
        self._told: list[Report] = []

    def act(self) -> None:
        world, rng = self._world, self._world.rng
        if self._told and world.happens("conflict"):
            self._tell(replace(rng.choice(self._told), text=rng.choice(self._kinds).text))
        elif self._told and rng.random() < 0.1:
            self._tell(rng.choice(self._told))
        else:
            kind, spot = rng.choice(self._kinds), rng.choice(self._spots)
            for _ in range(rng.choice((1, 1, 3))):  # some things are seen by several at once
                self._told.append(self._seen(kind, spot))
                self._tell(self._told[-1])

    def _seen(self, kind: Kind, spot: Spot) -> Report:
        rng = self._world.rng
        knows_place, knows_point = rng.random() < 0.5, rng.random() < 0.7
        return Report(
            source=rng.choice(("110", "sim-town")),
            source_id=f"r{len(self._told)}",
            text=kind.text,
            place=spot.place if knows_place else None,
            location=spot.location(rng.uniform(-7, 7)) if knows_point else None,
            reporter=Reporter(name=NAME, phone=PHONE) if rng.random() < 0.3 else None,
        )

    def _tell(self, report: Report) -> None:
        """Over HTTP or by topic, and some twice or both ways at once."""
        for door in self._world.rng.choice(("h", "t", "h", "t", "ht", "hh", "tt")):
            if door == "h":
                self._submit(report)
            else:
                self._say(report)

    def _submit(self, report: Report) -> None:
        decoded, warnings = report_from(_document(report))

        def heard(outcome: Outcome) -> None:
            self._world.outside.report_answered(decoded, outcome)

        self._world.ask(Request(SubmitReport(report=decoded, warnings=warnings, origin="http"), heard))

    def _say(self, report: Report) -> None:
        world, value = self._world, msgspec.json.encode(_document(report))
        headers = event_headers(topics.REPORT_TYPE, report.source, report.source_id)
        if world.happens("poison"):
            value, headers = world.rng.choice(
                [(value[:-3], headers), (value, ()), (b'{"text": 7}', headers), (b"\xff\xfe\x00", headers)]
            )
        world.say(Sent(topics.REPORTS, None, value, headers))


def _document(report: Report) -> dict[str, object]:
    """As a sender writes it: what it does not know is left out."""
    return {name: value for name, value in msgspec.to_builtins(report).items() if value not in (None, {})}


@dataclass(slots=True)
class Belief:
    """What a department thinks of an incident. `stands`: offered (to it), claimed (by it) or over (for it)."""

    seq: int
    cycle: int
    epoch: int
    stands: str = "offered"


_STANDS_AFTER: Final = {"ClaimIncident": "claimed", "ReturnIncident": "over", "ResolveIncident": "over"}
_TAG: Final = {"claim": "ClaimIncident", "return": "ReturnIncident", "resolve": "ResolveIncident"}


class Department:
    """Reads its notices topic, at its own pace, and answers over HTTP or by topic, sometimes out of date."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.name = name
        self._read_count = 0
        self._beliefs: dict[str, Belief] = {}
        self._said: list[Sent] = []
        self._commands_count = 0

    def act(self) -> None:
        world, rng = self._world, self._world.rng
        if world.happens("forgetful"):
            self._read_count, self._beliefs = 0, {}
        self._read(rng.randint(0, 4))
        if self._said and rng.random() < 0.05:
            world.say(rng.choice(self._said))
        elif world.happens("poison"):
            self._say_nonsense()
        else:
            self._decide(list(self._beliefs))

    def rush(self, incident_id: str) -> None:
        """Answer this one now, twice, as one does who saw no answer to the first."""
        self._read(_ALL)
        if incident_id in self._beliefs:
            for _ in range(2):
                self._decide([incident_id])

    def finish(self) -> None:
        """Do what one's duty is, with all that is known."""
        self._read(_ALL)
        for incident_id, belief in self._beliefs.items():
            if belief.stands != "over":
                self._send("claim" if belief.stands == "offered" else "resolve", incident_id, belief)

    def _read(self, count: int) -> None:
        sink = self._world.broker.sinks[topics.notices(self.name)]
        for message in sink[self._read_count : self._read_count + count]:
            self._learn(message)
        self._read_count = min(len(sink), self._read_count + count)

    def _learn(self, message: OutgoingMessage) -> None:
        notice = _notice(message.data)
        if notice.incident_id is None or notice.seq is None or message.type == told.COPIED:
            return
        belief = self._beliefs.setdefault(notice.incident_id, Belief(0, 1, 1, "over"))
        if notice.seq < belief.seq:
            return
        belief.seq, belief.cycle, belief.epoch = notice.seq, notice.cycle or 1, notice.epoch or 1
        if message.type == told.OFFER_MADE:
            belief.stands = "offered"
        elif message.type == told.OFFER_WITHDRAWN or notice.state in OVER:
            belief.stands = "over"
        elif message.type == told.ACCEPTED:
            belief.stands = _STANDS_AFTER[notice.event or ""]

    def _decide(self, among: Sequence[str]) -> None:
        rng, stale = self._world.rng, self._world.happens("stale")
        known = [name for name in among if stale or self._beliefs[name].stands != "over"]
        if not known:
            return
        incident_id = rng.choice(known)
        belief = self._beliefs[incident_id]
        usual = {"offered": ("claim", "claim", "claim", "return"), "claimed": ("resolve", "resolve", "claim", "return")}
        verb = rng.choice(usual.get(belief.stands, ("claim", "return", "resolve")))
        if stale:
            belief = Belief(belief.seq, belief.cycle, rng.randint(1, belief.epoch), belief.stands)
        self._send(verb, incident_id, belief)

    def _send(self, verb: str, incident_id: str, belief: Belief) -> None:
        world, rng = self._world, self._world.rng
        body: dict[str, object] = {"reason": "不归我们管"} if verb == "return" and rng.random() < 0.9 else {}
        if rng.random() < 0.5:
            body |= {"cycle": belief.cycle, "epoch": belief.epoch}
        if rng.random() < 0.5:
            self._say(verb, body | {"incident_id": incident_id})
            return
        key = self._next_id() if rng.random() < 0.8 else None
        command = command_from(verb, incident_id, command_body_from(verb, body | {"responder": self.name}), key)

        def heard(outcome: Outcome) -> None:
            world.outside.command_answered(command, outcome)
            if isinstance(outcome, out.Done):
                self._done(incident_id, _TAG[verb], outcome.answer)

        world.ask(Request(command, heard))

    def _done(self, incident_id: str, tag: str, answer: out.CommandAnswer) -> None:
        belief = self._beliefs.get(incident_id)
        if belief is not None and answer.seq >= belief.seq:
            self._beliefs[incident_id] = Belief(answer.seq, answer.cycle, answer.epoch, _STANDS_AFTER[tag])

    def _say(self, verb: str, body: dict[str, object]) -> None:
        kind, rng = f"{topics.COMMAND_TYPE_PREFIX}{verb}.v1", self._world.rng
        used = rng.choice(self._said) if self._said and "reason" not in body and rng.random() < 0.03 else None
        headers = used.headers if used is not None else event_headers(kind, self.name, self._next_id())
        if rng.random() < 0.02:
            body = body | {"incident_id": "01JUNKNOWNUNKNOWNUNKNOWN00"}
        sent = Sent(topics.commands(self.name), str(body["incident_id"]), msgspec.json.encode(body), headers)
        self._said.append(sent)
        self._world.say(sent)

    def _say_nonsense(self) -> None:
        incident_id, rng = next(iter(self._beliefs), "x"), self._world.rng
        value, kind = rng.choice([
            (b"{", _CLAIM),
            (None, _CLAIM),
            (b"{}", "dispatch.command.dance.v1"),
            (msgspec.json.encode({"incident_id": incident_id, "phone": "1"}), _CLAIM),
            (msgspec.json.encode({"incident_id": incident_id, "responder": DESK}), _CLAIM),
        ])  # fmt: skip
        headers = event_headers(kind, self.name, self._next_id())
        self._world.say(Sent(topics.commands(self.name), incident_id, value, headers))

    def _next_id(self) -> str:
        self._commands_count += 1
        return f"{self.name}-{self._commands_count}"


class Desk:
    """The operator at the console: sees the queue, perhaps as it was a while ago, and acts over HTTP."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: list[Incident] = []
        self._commands_count = 0

    def act(self) -> None:
        world, rng = self._world, self._world.rng
        if not world.happens("stale"):
            self._look()
        if world.happens("publish"):
            world.ask(Request(PublishBundle(bundle=rng.choice(bundles())), lambda _: None))
        if self._seen:
            incident = rng.choice(self._seen)
            if rng.random() < 0.05:
                read = ReadReporter(incident_id="", report_id=incident.report_id, responder=DESK)
                world.ask(Request(read, lambda _: None))
            else:
                self._send(self._verb(incident), incident)

    def rush(self, incident_id: str) -> None:
        self._look()
        for incident in self._seen:
            if incident.id == incident_id:
                self._send(self._verb(incident), incident)

    def finish(self) -> None:
        self._look()
        for incident in self._seen:
            mine = {offer.state for offer in incident.offers if offer.responder == DESK}
            if incident.state == "resolved":
                self._send("close", incident)
            elif incident.state == "offered" and "offered" in mine:
                self._send("claim", incident)
            elif incident.state == "claimed" and "claimed" in mine:
                self._send("resolve", incident)

    def _look(self) -> None:
        stored = self._world.tables.incidents.values()
        self._seen = [it.incident for it in stored if it.incident.state not in ("closed", "cancelled")]

    def _verb(self, incident: Incident) -> str:
        mine = any(offer.responder == DESK for offer in incident.offers)
        usual = {
            "offered": ("claim", "claim", "return", "cancel", "resolve") if mine else ("cancel", "resolve", "claim"),
            "claimed": ("resolve", "resolve", "return", "cancel") if mine else ("cancel", "resolve"),
        }
        return self._world.rng.choice(usual.get(incident.state, ("close", "close", "close", "cancel")))

    def _send(self, verb: str, incident: Incident) -> None:
        world, rng = self._world, self._world.rng
        body: dict[str, object] = {"responder": DESK, "actor": "op-7"}
        if verb in ("return", "cancel", "resolve") and rng.random() < 0.9:
            body["reason"] = "重复反映"
        if rng.random() < 0.5:
            body |= {"cycle": incident.cycle, "epoch": incident.epoch}
        self._commands_count += 1
        key = f"{DESK}-{self._commands_count}" if rng.random() < 0.8 else None
        command = command_from(verb, incident.id, command_body_from(verb, body), key)

        def heard(outcome: Outcome) -> None:
            world.outside.command_answered(command, outcome)

        world.ask(Request(command, heard))


def departments(world: World, kinds: Iterable[Kind]) -> list[Department]:
    """Those who may be offered something of these kinds, in a fixed order; the desk is no department."""
    names = sorted({responder for kind in kinds for responder in kind.offers} - {DESK})
    return [Department(world, name) for name in names]
