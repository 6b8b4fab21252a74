"""One seeded run: clock, store, broker, processes and people, one thread, one source of dice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

import msgspec

from dispatcher.core import next_due_at
from dispatcher.store import StoreUnavailable
from schemas.commands import PublishBundle
from schemas.events import JournalRow
from schemas.incidents import OPEN_STATES, Incident
from tests.simulation.actors import Reporters, Request
from tests.simulation.bodies import Scene
from tests.simulation.checks import Checks
from tests.simulation.department import Department, departments
from tests.simulation.desk import Desk
from tests.simulation.faults import Died, Faults, Violation, drawn, hold
from tests.simulation.kinds import BYSTANDERS, DESK, JOINING, KINDS, NOON, bundles
from tests.simulation.model_broker import ModelBroker, Sent
from tests.simulation.model_store import Tables
from tests.simulation.node import Node
from tests.simulation.settled import Outside, check_settled

STEPS: Final = 200
_ROUNDS: Final = 40  # virtual minutes in which all work ends once nothing goes wrong any more
_LAST_LINES: Final = 40
# Between these, what one process does is not yet settled for another: there another may come in between.
_BETWEEN: Final = frozenset({
    "begin",
    "known_reports",
    "known_commands",
    "lock_groups",
    "group_candidates",
    "load",
    "save",
    "committed",
    "due_before",
    "journal_after",
    "bodies",
    "send",
    "sent",
    "move_cursor",
})  # fmt: skip


class SimulationFailed(AssertionError):
    """Something did not hold that must; the seed is worth keeping."""


@dataclass(frozen=True, slots=True)
class Finished:
    """`digest` covers every step, every row of the journal and every message sent."""

    seed: int
    digest: str
    commits_count: int
    deaths_count: int


class ModelClock:
    """The one clock of a run. It goes on with every step; by fault it jumps, back as well."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return self._now

    def go_on(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self.elapsed_s += max(0.0, seconds)

    def set_to(self, at: datetime) -> None:
        self.go_on((at - self._now).total_seconds())


class World:
    def __init__(self, seed: int, faults: Faults | None = None) -> None:
        self.seed = seed
        self.rng = Random(seed)  # noqa: S311 - dice, not secrets
        self.chosen = chosen = drawn(self.rng) if faults is None else faults
        self.faults = Faults(layout=chosen.layout, row_locks=chosen.row_locks)
        self.clock = ModelClock(NOON + timedelta(minutes=self.rng.randrange(4 * 1440)))
        self.tables = Tables(now=self.clock.now, committed=self._committed, row_locks=chosen.row_locks)
        self.checks = Checks(self.tables)
        self.outside = Outside()
        self.broker = ModelBroker(self.rng)
        self.door: list[Request] = []
        self.lines: list[str] = []
        self._digest = hashlib.sha256()
        self._unsent: list[Sent] = []
        self._inside = False
        self._commits_count = self._deaths_count = 0
        self.nodes = [Node(self, f"{roles[0]}{n}", roles) for n, roles in enumerate(chosen.layout)]
        self._rebalance()
        # few, so that they get into each other's way, and mostly one of which reports join
        kinds = [self.rng.choice(JOINING + KINDS), *self.rng.sample(KINDS, self.rng.randint(0, 2))]
        workers = departments(self, kinds, self.rng.sample(BYSTANDERS, 2))
        self._cast = (DESK, *(one.name for one in workers))
        self._categories = tuple(kind.category for kind in kinds if kind.category is not None)
        self._reporters = Reporters(self, kinds, self._cast)
        self._workers: list[Desk | Department] = [Desk(self), *workers]
        self.nodes[0].writer.submit([PublishBundle(bundle=bundles()[0])]).result()
        self.faults = chosen

    # ── what the others ask of the world ─────────────────────────────────────────────────────────
    def happens(self, fault: str) -> bool:
        chance: float = getattr(self.faults, fault)
        return chance > 0 and self.rng.random() < chance

    def elapsed(self) -> float:
        return self.clock.elapsed_s

    def ask(self, request: Request) -> None:
        self.door.append(request)

    def say(self, sent: Sent) -> None:
        """Produce: the record or its acknowledgement may get lost, and then it is sent again."""
        if self.happens("produce_lost"):
            self._unsent.append(sent)
            return
        record = self.broker.append(sent, self.clock.now())
        self.trace(f"said {record.origin}")
        if self.happens("produced_twice"):
            self._unsent.append(sent)

    def scene(self, incident_id: str) -> Scene:
        """What somebody who writes about this incident sees around."""
        dice, stored = self.rng.random(), self.tables.incidents.items()
        others = [name for name, it in stored if dice < 0.2 or it.incident.state in OPEN_STATES]
        elsewhere = others[-6:] if dice < 0.9 else [incident_id]
        return Scene(self.clock.now(), self._cast, self._categories, tuple(elsewhere))

    def boundary(self, node: Node, point: str) -> None:
        """A process stands between two of its steps; here it may die, lose its database, or be overtaken."""
        if self.happens("crash"):
            raise Died(f"at {point}")
        if point == "committed":
            if self.happens("commit_unknown"):
                raise StoreUnavailable("nobody knows whether it was committed")
        elif self.happens("away"):
            raise StoreUnavailable(f"away at {point}")
        if point in _BETWEEN and not self._inside and self.happens("interleave"):
            self._overtake(node)

    def buried(self, node: Node, how: str) -> None:
        self._deaths_count += 1
        self.trace(f"{node.name} died: {how}")
        self._rebalance()

    def trace(self, line: str) -> None:
        self.lines.append(line)
        self._digest.update(line.encode())

    # ── the run ──────────────────────────────────────────────────────────────────────────────────
    def run(self, steps: int = STEPS) -> Finished:
        """Steps with faults, then rest, then what must hold at rest. Raises SimulationFailed with the last steps."""
        try:
            for _ in range(steps):
                self._step()
            self._settle()
            check_settled(self)
        except (Violation, Exception) as failure:
            what = failure if isinstance(failure, Violation) else repr(failure)
            steps_before = "\n  ".join(self.lines[-_LAST_LINES:])
            raise SimulationFailed(f"seed {self.seed}: {what}\n  {steps_before}\n{self.chosen}") from failure
        for topic, messages in sorted(self.broker.sinks.items()):
            self._digest.update(topic.encode() + msgspec.json.encode(messages))
        return Finished(self.seed, self._digest.hexdigest(), self._commits_count, self._deaths_count)

    def _step(self) -> None:
        rng = self.rng
        self._pass_time()
        if self.happens("rebalance"):
            self._rebalance()
        dice = rng.random()
        if dice < 0.05 or self._reporters.is_silent:
            self._reporters.act()
        elif dice < 0.20:
            self._workers[0].act()  # the desk
        elif dice < 0.43:
            rng.choice(self._workers).act()
        elif dice < 0.45:
            self._send_again()
        elif dice < 0.48:
            self._start_dead()
        elif dice < 0.51:
            self._rush()
        elif dice < 0.56:
            for one in self._workers:
                one.finish(lively=True)
        else:
            self._node_acts(self.nodes, steps=3)

    def _rush(self) -> None:
        """Everybody turns to one incident at once, and it may be reported again."""
        open_ones = [name for name, it in self.tables.incidents.items() if it.incident.state in OPEN_STATES]
        if open_ones:
            incident_id = self.rng.choice(open_ones)
            for one in self._workers:
                one.rush(incident_id)
            self._reporters.see_again()

    def _node_acts(self, nodes: Sequence[Node], steps: int = 1) -> None:
        alive = [node for node in nodes if node.alive]
        if alive:
            self.rng.choice(alive).act(self.rng, steps)

    def _overtake(self, node: Node) -> None:
        self._inside = True
        try:
            for _ in range(self.rng.randint(1, 2)):
                self._node_acts([other for other in self.nodes if other is not node], steps=3)
        finally:
            self._inside = False

    def _pass_time(self) -> None:
        rng, dice = self.rng, self.rng.random()
        if self.happens("clock_jump"):
            self.clock.go_on(rng.choice((-86_400, -3600, -1, 1, 3600, 86_400)))
        elif dice < 0.5:
            self.clock.go_on(rng.choice((0, 0.001, 1)))
        elif dice < 0.9:
            self.clock.go_on(rng.randrange(300))
        elif dice < 0.97:
            self._stop_at_a_due_instant()
        else:
            self.clock.go_on(rng.randrange(7200))

    def _stop_at_a_due_instant(self) -> None:
        """Exactly then nobody is late yet."""
        due = [it.due_at for it in self.tables.incidents.values() if it.due_at is not None]
        if due and min(due) > self.clock.now():
            self.clock.set_to(min(due))

    def _send_again(self) -> None:
        waiting, self._unsent = self._unsent, []
        for sent in waiting:
            self.say(sent)

    def _start_dead(self) -> None:
        for node in self.nodes:
            if not node.alive:
                node.start()
                self.trace(f"{node.name} started")
        self._rebalance()

    def _rebalance(self) -> None:
        self.broker.rebalance([node.name for node in self.nodes if node.alive and "worker" in node.roles])

    def _committed(self, rows: Sequence[JournalRow]) -> None:
        self._commits_count += 1
        self._digest.update(msgspec.json.encode(rows))
        self.checks.committed(rows)

    # ── rest ─────────────────────────────────────────────────────────────────────────────────────
    def _settle(self) -> None:
        """Faults stop, the clock runs on, everybody does their duty; all work must end within the bound."""
        self.faults = Faults(layout=self.faults.layout, row_locks=self.faults.row_locks)
        self._start_dead()
        self.clock.go_on(1800)
        self._work_off()
        late = [it for it in self.tables.incidents.values() if it.due_at is not None and it.due_at < self.clock.now()]
        hold(not late, "an alarm did not ring")
        for _ in range(_ROUNDS):
            if all(_waits_for_nobody(it.incident) for it in self.tables.incidents.values()):
                break
            self.clock.go_on(60)
            for one in self._workers:
                one.finish(lively=False)
            self._work_off()
        due = [it.due_at for it in self.tables.incidents.values() if it.due_at is not None]
        self.clock.set_to(max([self.clock.now(), *due]) + timedelta(seconds=1))
        self._work_off()

    def _work_off(self) -> None:
        self._send_again()
        progress = True
        while progress:
            progress = False
            for node in self.nodes:
                progress |= node.work_off(self.rng)


def _waits_for_nobody(incident: Incident) -> bool:
    """It is over, or time will close it."""
    unconfirmed = incident.state == "resolved" and next_due_at(incident) is not None
    return unconfirmed or incident.state in ("closed", "cancelled", "duplicate")
