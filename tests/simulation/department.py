"""Departments and teams: each reads its notices topic, at its own pace, and knows only what it was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from dispatcher.views import notices as told
from dispatcher.web.api.commands import command_from
from schemas import outcomes as out
from schemas import topics
from schemas.commands import BODIES, TOPIC_COMMANDS
from schemas.decode import command_body_from
from schemas.incidents import HELD_STATES
from schemas.notices import Notice, OutgoingMessage
from schemas.outcomes import Outcome
from tests.simulation.actors import Request, event_headers
from tests.simulation.bodies import UNDOABLE, UNIT_VERBS, Said, body_of
from tests.simulation.kinds import DESK, Kind
from tests.simulation.model_broker import Sent

if TYPE_CHECKING:
    from tests.simulation.world import World

_ALL: Final = 1_000_000
_ENDED: Final = ("closed", "cancelled", "duplicate")
_VERBS: Final = tuple(BODIES)
_notice = msgspec.json.Decoder(Notice).decode
_CLAIM: Final = f"{topics.COMMAND_TYPE_PREFIX}claim.v1"
_WORK: Final = ("resolve", "progress", "return", "refer", "extend", *UNIT_VERBS)
_USUAL: Final[dict[str, tuple[str, ...]]] = {
    "offered": ("claim",) * 6 + ("return", "refer", "progress"),
    "claimed": ("plan", "start", "start", "start", "pause", "claim", "resolve", *_WORK),
    "planned": ("plan", "start", "start", "start", "pause", "resolve", *_WORK),
    "working": ("plan", "pause", "pause", "resolve", "resolve", "resolve", *_WORK),
    "paused": ("resume", "resume", "resume", "resume", *_WORK),
    "done": ("close", "progress", "clear", "undo"),
    "over": ("claim", "return", "resolve", "start", "undo"),
}
_DUTY: Final = {"offered": "claim", "claimed": "resolve", "planned": "start", "working": "resolve", "paused": "resume"}
_STANDS_AFTER: Final = {"claim": "claimed", "return": "over", "refer": "over", "resolve": "done", "close": "over"}
_VERB_OF_TAG: Final = {kind.__struct_config__.tag: verb for verb, (_, kind) in BODIES.items()}


@dataclass(slots=True)
class Belief:
    """What a department thinks of an incident. `stands`: offered (to it), claimed (by it), done or over (for it)."""

    seq: int
    cycle: int
    epoch: int
    stands: str = "offered"
    state: str = "offered"

    def seen_as(self) -> str:
        return self.state if self.stands == "claimed" and self.state in HELD_STATES else self.stands


class Department:
    """Answers over HTTP or by topic, sometimes out of date."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.name = name
        self._read_count = 0
        self._beliefs: dict[str, Belief] = {}
        self._said: list[tuple[str, Sent]] = []
        self._commands_count = 0

    def act(self) -> None:
        world, rng = self._world, self._world.rng
        if world.happens("forgetful"):
            self._read_count, self._beliefs = 0, {}
        self._read(rng.randint(0, 8))
        if self._said and rng.random() < 0.05:
            world.say(rng.choice(self._said)[1])
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

    def finish(self, *, lively: bool) -> None:
        """A shift: do what one's duty is, with all that is known; `lively` = with all that may come up meanwhile."""
        self._read(_ALL)
        rng = self._world.rng
        for incident_id, belief in self._beliefs.items():
            seen_as = belief.seen_as()
            if lively and seen_as != "over" and rng.random() < 0.7:
                self._send(rng.choice(_USUAL[seen_as]), incident_id, belief)
            elif seen_as in _DUTY:
                self._send(_DUTY[seen_as], incident_id, belief)

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
        belief.state = notice.state or "offered"
        if message.type == told.OFFER_MADE:
            belief.stands = "offered"
        elif message.type == told.OFFER_WITHDRAWN or belief.state in _ENDED:
            belief.stands = "over"
        elif message.type == told.ACCEPTED:
            belief.stands = _STANDS_AFTER.get(_VERB_OF_TAG[notice.event or ""], belief.stands)
        elif belief.state in HELD_STATES and notice.holder == self.name:
            belief.stands = "claimed"
        elif belief.state == "resolved":
            belief.stands = "done" if belief.stands in ("claimed", "done") else "over"

    def _decide(self, among: Sequence[str]) -> None:
        rng, stale = self._world.rng, self._world.happens("stale")
        known = [name for name in among if stale or self._beliefs[name].stands not in ("over", "done")]
        known += [name for name in among if self._beliefs[name].stands == "done" and rng.random() < 0.3]
        if not known:
            return
        incident_id = rng.choice(known)
        belief = self._beliefs[incident_id]
        verb = rng.choice(_VERBS if self._world.happens("nonsense") else _USUAL[belief.seen_as()])
        if stale:
            belief = Belief(belief.seq, belief.cycle, rng.randint(1, belief.epoch), belief.stands, belief.state)
        self._send(verb, incident_id, belief)

    def _send(self, verb: str, incident_id: str, belief: Belief) -> None:
        rng = self._world.rng
        body = body_of(verb, self.name, self._world.scene(incident_id), rng)
        if rng.random() < 0.5:
            body |= {"cycle": belief.cycle, "epoch": belief.epoch}
        if rng.random() < 0.1:
            body["seq"] = belief.seq
        if verb in TOPIC_COMMANDS and rng.random() < 0.5:
            self._say(verb, body | {"incident_id": incident_id})
        else:
            self._ask(verb, incident_id, body)

    def _ask(self, verb: str, incident_id: str, body: Said) -> None:
        world, rng = self._world, self._world.rng
        key = self._next_id() if rng.random() < 0.8 else None
        command = command_from(verb, incident_id, command_body_from(verb, body | {"responder": self.name}), key)

        def heard(outcome: Outcome) -> None:
            world.outside.command_answered(command, outcome)
            if isinstance(outcome, out.Done):
                self._done(incident_id, verb, outcome.answer)
                if verb in UNDOABLE and rng.random() < 0.08:
                    self._ask("undo", incident_id, {})

        world.ask(Request(command, heard))

    def _done(self, incident_id: str, verb: str, answer: out.CommandAnswer) -> None:
        belief = self._beliefs.get(incident_id)
        if belief is not None and answer.seq >= belief.seq:
            stands = _STANDS_AFTER.get(verb, belief.stands)
            self._beliefs[incident_id] = Belief(answer.seq, answer.cycle, answer.epoch, stands, answer.state)

    def _say(self, verb: str, body: Said) -> None:
        kind, rng = f"{topics.COMMAND_TYPE_PREFIX}{verb}.v1", self._world.rng
        used = [sent for its_verb, sent in self._said if its_verb == verb] if rng.random() < 0.03 else []
        headers = rng.choice(used).headers if used else event_headers(kind, self.name, self._next_id())
        if rng.random() < 0.02:
            body = body | {"incident_id": "01JUNKNOWNUNKNOWNUNKNOWN00"}
        sent = Sent(topics.commands(self.name), str(body["incident_id"]), msgspec.json.encode(body), headers)
        self._said.append((verb, sent))
        self._world.say(sent)

    def _say_nonsense(self) -> None:
        incident_id, rng = next(iter(self._beliefs), "x"), self._world.rng
        value, kind = rng.choice([
            (b"{", _CLAIM),
            (None, _CLAIM),
            (b"{}", "dispatch.command.dance.v1"),
            (b"{}", f"{topics.COMMAND_TYPE_PREFIX}cancel.v1"),
            (msgspec.json.encode({"incident_id": incident_id, "phone": "1"}), _CLAIM),
            (msgspec.json.encode({"incident_id": incident_id, "responder": DESK}), _CLAIM),
        ])  # fmt: skip
        headers = event_headers(kind, self.name, self._next_id())
        self._world.say(Sent(topics.commands(self.name), incident_id, value, headers))

    def _next_id(self) -> str:
        self._commands_count += 1
        return f"{self.name}-{self._commands_count}"


def departments(world: World, kinds: Iterable[Kind], bystanders: Iterable[str]) -> list[Department]:
    """Those who may be offered something of these kinds, and some more; the desk is no department."""
    names = {responder for kind in kinds for responder in kind.offers} | set(bystanders)
    return [Department(world, name) for name in sorted(names - {DESK})]
