"""The operator at the console: sees the queue, perhaps as it was a while ago, and acts over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dispatcher.core.clocks import clock_of
from dispatcher.web.api.commands import command_from
from schemas import outcomes as out
from schemas.commands import BODIES, PublishBundle, ReadReporter
from schemas.decode import command_body_from
from schemas.incidents import HELD_STATES, Incident
from schemas.outcomes import Outcome
from tests.simulation.actors import Request
from tests.simulation.bodies import UNDOABLE, UNIT_VERBS, Said, body_of
from tests.simulation.kinds import DESK, bundles

if TYPE_CHECKING:
    from tests.simulation.world import World

_VERBS: Final = tuple(BODIES)
_HAND: Final = ("cancel", "resolve", "refer", "joint", "urge", "supervise", "prioritize", "correct", "correct", "merge")
_HELD: Final = (*_HAND, "extend", "extend", "defer", "defer", "progress", "dispatch", "en-route", *UNIT_VERBS)
_USUAL: Final[dict[str, tuple[str, ...]]] = {
    "offered": _HAND,
    "claimed": _HELD,
    "planned": _HELD,
    "working": _HELD,
    "paused": ("resume", "resume", "resume", *_HELD),
    "resolved": ("follow-up", "follow-up", "follow-up", "close", "close", "reopen", "supervise", "clear"),
    "closed": ("reopen", "undo", "clear"),
    "cancelled": ("reopen", "undo"),
    "duplicate": ("unmerge",),
}
_MINE: Final = {
    "offered": ("claim", "claim", "claim", "return", "refer"),
    "claimed": ("start", "plan", "pause", "resolve", "return"),
    "planned": ("start", "resolve"),
    "working": ("pause", "resolve", "resolve"),
    "paused": ("resume", "resolve"),
}
_ENDED: Final = ("closed", "cancelled", "duplicate")


class Desk:
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
        # what is over is seldom looked at again
        seen = [it for it in self._seen if it.state not in _ENDED or rng.random() < 0.1]
        if seen:
            incident = rng.choice(seen)
            if rng.random() < 0.03:
                read = ReadReporter(incident_id="", report_id=incident.report_id, responder=DESK)
                world.ask(Request(read, lambda _: None))
            else:
                self._send(self._verb(incident), incident)

    def rush(self, incident_id: str) -> None:
        self._look()
        for incident in self._seen:
            if incident.id == incident_id:
                self._send(self._verb(incident), incident)

    def finish(self, *, lively: bool) -> None:
        """A shift: work off what is the desk's; `lively` = and here and there whatever comes to mind."""
        self._look()
        for incident in self._seen:
            if lively and self._world.rng.random() < 0.2:
                self._send(self._verb(incident), incident)
            elif verb := self._duty(incident):
                self._send(verb, incident)

    def _duty(self, incident: Incident) -> str | None:
        """What waits for a confirmation is left to time in every second run."""
        mine = {offer.state for offer in incident.offers if offer.responder == DESK}
        if incident.state == "resolved":
            return None if self._world.seed % 2 and clock_of(incident, "confirm") else "close"
        if incident.state == "offered":
            return "claim" if "offered" in mine else None
        if incident.state == "paused":
            return "resume"
        return "resolve" if incident.state in HELD_STATES and "claimed" in mine else None

    def _look(self) -> None:
        self._seen = [it.incident for it in self._world.tables.incidents.values()]

    def _verb(self, incident: Incident) -> str:
        mine = any(offer.responder == DESK for offer in incident.offers)
        if self._world.happens("nonsense"):
            return self._world.rng.choice(_VERBS)
        usual = _USUAL[incident.state] + (_MINE.get(incident.state, ()) * 3 if mine else ())
        return self._world.rng.choice(usual)

    def _send(self, verb: str, incident: Incident) -> None:
        rng = self._world.rng
        body = body_of(verb, DESK, self._world.scene(incident.id), rng)
        if rng.random() < 0.5:
            body |= {"cycle": incident.cycle, "epoch": incident.epoch}
        if rng.random() < 0.2:
            body["seq"] = incident.seq
        self._ask(verb, incident.id, body)

    def _ask(self, verb: str, incident_id: str, body: Said) -> None:
        world, rng = self._world, self._world.rng
        self._commands_count += 1
        key = f"{DESK}-{self._commands_count}" if rng.random() < 0.8 else None
        said = body | {"responder": DESK, "actor": "op-7"}
        command = command_from(verb, incident_id, command_body_from(verb, said), key)

        def heard(outcome: Outcome) -> None:
            world.outside.command_answered(command, outcome)
            if isinstance(outcome, out.Done) and verb in UNDOABLE and rng.random() < 0.15:
                self._ask("undo", incident_id, {})

        world.ask(Request(command, heard))
