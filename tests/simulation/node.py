"""One process of ours with the real engine in it: spine, writer, alarms, consumers, relay. Its memory dies with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from random import Random
from typing import TYPE_CHECKING, Final

from connectors.kafka.incoming import incident_command, report_command
from dispatcher.loops.deliver import Deliver
from dispatcher.loops.tick import Tick
from dispatcher.metrics import Metrics
from dispatcher.service import Policies, Spine, Ulids, Writer
from dispatcher.service.writer import Lane
from dispatcher.store import StoreUnavailable
from schemas.commands import Command
from schemas.outcomes import Outcome
from tests.simulation.faults import Died, hold
from tests.simulation.model_broker import COMMANDS, INTAKE, Consumer, ModelOutlet, OutletFailed
from tests.simulation.model_store import ModelStore

if TYPE_CHECKING:
    from tests.simulation.world import World

# Read by nobody here. One registry for all, since making one takes longer than a whole life of a process.
METRICS: Final = Metrics()
# Compiled bundles are immutable and named by their hash: every process would compile the same.
POLICIES: Final = Policies()
_MOST_TAKEN: Final = 8
_MOST_TURNS: Final = 1000


class InlineWriter(Writer):
    """The real group commit without its thread: whoever submits also takes the turn."""

    def submit(self, commands: Sequence[Command], lane: Lane = "people") -> Future[list[Outcome]]:
        future = super().submit(commands, lane)
        self._turn(lane)
        return future

    def submit_together(self, several: Sequence[Sequence[Command]]) -> list[Future[list[Outcome]]]:
        """Callers who wait at the same time and are taken in one batch."""
        futures = [super(InlineWriter, self).submit(commands) for commands in several]
        self._turn("people")
        return futures


class Node:
    """`roles`: serve (HTTP and alarms), worker (topics in), relay (journal out)."""

    def __init__(self, world: World, name: str, roles: str) -> None:
        self._world = world
        self.name = name
        self.roles = roles.split()
        self.alive = False
        self.start()

    def start(self) -> None:
        """A process that knows nothing but where store and broker are."""
        world, alone = self._world, len(self._world.faults.layout) == 1
        store = ModelStore(world.tables, self._at)
        spine = Spine(
            store,
            POLICIES,
            Ulids(world.rng.randbytes),
            now=world.clock.now if alone else None,
            elapsed=lambda: 0.0,
            observer=METRICS,
        )
        self.writer = InlineWriter(spine, lambda: 0.0)
        self.tick = Tick(store, self.writer, METRICS, world.clock.now if alone else store.database_now, world.elapsed)
        outlet = ModelOutlet(world.broker, world.rng, self._at, self._cut)
        self.deliver = Deliver(store, POLICIES, outlet, METRICS, adapter="kafka")
        self.intake = Consumer(world.broker, INTAKE, self.name, report_command, self._take_bulk)
        self.commands = Consumer(world.broker, COMMANDS, self.name, incident_command, self._take)
        self.alive = True

    def act(self, rng: Random, steps: int = 1) -> None:
        """So many steps of one of its threads."""
        name, step = rng.choice(self._threads())
        for _ in range(steps):
            self._run(name, step, rng)

    def work_off(self, rng: Random) -> bool:
        """Every thread until it has nothing to do; whether there was anything."""
        progress = False
        for name, step in self._threads():
            turns = iter(range(_MOST_TURNS))
            while self._run(name, step, rng):
                progress = True
                hold(next(turns, None) is not None, f"{name} comes to no end")
        return progress

    def _threads(self) -> list[tuple[str, Callable[[Random], bool]]]:
        found: list[tuple[str, Callable[[Random], bool]]] = []
        if "serve" in self.roles:
            found += [("answer", self._answer), ("answer", self._answer), ("tick", self._tick)]
        if "worker" in self.roles:
            found += [("intake", self.intake.step), ("commands", self.commands.step)]
        if "relay" in self.roles:
            found += [("deliver", self._deliver)]
        return found

    def _run(self, name: str, step: Callable[[Random], bool], rng: Random) -> bool:
        """Whether it had something to do. What is away is borne, as the product's loops bear it; all else is a bug."""
        if not self.alive:
            return False
        try:
            done = step(rng)
        except (StoreUnavailable, OutletFailed) as error:
            self._world.trace(f"{self.name} {name} {type(error).__name__} {error}")
            return True
        except Died as death:
            self.alive = False
            self._world.buried(self, f"{name} {death}")
            return True
        if done:
            self._world.trace(f"{self.name} {name}")
        return done

    def _answer(self, rng: Random) -> bool:
        world = self._world
        taken = [world.door.pop(0) for _ in range(min(len(world.door), rng.randint(1, _MOST_TAKEN)))]
        if not taken:
            return False
        futures = self.writer.submit_together([[request.command] for request in taken])
        unheard = list(taken)
        try:
            for request, future in zip(taken, futures, strict=True):
                outcome = future.result()[0]
                self._at("reply")
                if not world.happens("reply_lost"):
                    unheard.remove(request)
                    request.heard(outcome)
        finally:
            world.door += [request for request in unheard if request.is_retried]
        return True

    def _tick(self, _rng: Random) -> bool:
        return self.tick.step() == 0.0

    def _deliver(self, _rng: Random) -> bool:
        return self.deliver.step() == 0.0

    def _take(self, batch: Sequence[Command]) -> None:
        self.writer.submit(batch).result()

    def _take_bulk(self, batch: Sequence[Command]) -> None:
        self.writer.submit(batch, "bulk").result()

    def _at(self, point: str) -> None:
        self._world.boundary(self, point)

    def _cut(self) -> BaseException | None:
        if not self._world.happens("send_fails"):
            return None
        return Died("in the middle of sending") if self._world.happens("crash") else OutletFailed("not confirmed")
