"""A broker in memory: logs by partition, groups with committed offsets, and what readers of our topics see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from connectors.kafka.incoming import Meaning, Record, commands_of
from schemas import topics
from schemas.commands import Command
from schemas.notices import OutgoingMessage

Place = tuple[str, int]  # topic and partition
INTAKE: Final = "intake"
COMMANDS: Final = "commands"
_PARTITIONS: Final = 2
_MOST_POLLED: Final = 5


class OutletFailed(Exception):
    """The broker did not confirm everything."""


class Sent(NamedTuple):
    """What a producer wants to have said. `key` None = any partition, another one at each attempt."""

    topic: str
    key: str | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class ModelBroker:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.logs: dict[Place, list[Record]] = {}
        self.sinks: dict[str, list[OutgoingMessage]] = defaultdict(list)
        self.generation = 0
        self._committed: dict[tuple[str, Place], int] = {}
        self._members: list[str] = []
        self._owners: dict[Place, str] = {}

    def append(self, sent: Sent, at: datetime) -> Record:
        partition = self._rng.randrange(_PARTITIONS) if sent.key is None else crc32(sent.key.encode()) % _PARTITIONS
        log = self.logs.setdefault((sent.topic, partition), [])
        record = Record(sent.topic, partition, len(log), sent.value, sent.headers, at)
        log.append(record)
        return record

    def records(self, topic: str) -> list[Record]:
        return [record for place, log in sorted(self.logs.items()) if place[0] == topic for record in log]

    def rebalance(self, members: Sequence[str]) -> None:
        """These take the partitions from now on; commits of those who had them before are refused."""
        self.generation += 1
        self._members = list(members)
        self._owners = {}

    def owned(self, member: str, group: str) -> list[Place]:
        wanted = [place for place in sorted(self.logs) if (place[0] == topics.REPORTS) == (group == INTAKE)]
        for place in wanted:
            if place not in self._owners and self._members:
                self._owners[place] = self._rng.choice(self._members)
        return [place for place in wanted if self._owners.get(place) == member]

    def committed(self, group: str, place: Place) -> int:
        return self._committed.get((group, place), 0)

    def commit(self, group: str, generation: int, offsets: dict[Place, int]) -> None:
        if generation == self.generation:
            self._committed.update({(group, place): offset for place, offset in offsets.items()})


class Consumer:
    """A member of a group. Reading, handing over and committing are steps of their own: a process may die between."""

    def __init__(
        self,
        broker: ModelBroker,
        group: str,
        member: str,
        meaning: Meaning,
        hand_over: Callable[[Sequence[Command]], object],
    ) -> None:
        self._broker = broker
        self._group = group
        self._member = member
        self._meaning = meaning
        self._hand_over = hand_over
        self._generation = -1
        self._positions: dict[Place, int] = {}
        self._batch: list[Record] = []
        self._taken = False

    def step(self, rng: Random) -> bool:
        """Whether there was something to do. Raises what handing over raises, and then has the batch still."""
        if not self._batch:
            return self._poll(rng)
        if not self._taken:
            self._hand_over(commands_of(self._batch, self._meaning))
            self._taken = True
        else:
            self._commit(rng)
        return True

    def _poll(self, rng: Random) -> bool:
        if self._generation != self._broker.generation:
            self._generation, self._positions = self._broker.generation, {}
        places = self._broker.owned(self._member, self._group)
        rng.shuffle(places)
        for place in places:
            start = self._positions.get(place, self._broker.committed(self._group, place))
            self._batch += self._broker.logs[place][start : start + rng.randint(1, _MOST_POLLED)]
        self._taken = False
        return bool(self._batch)

    def _commit(self, rng: Random) -> None:
        """Like Faust, not after every batch: a later commit covers it, a crash before that brings it again."""
        self._positions |= {(record.topic, record.partition): record.offset + 1 for record in self._batch}
        self._batch = []
        if rng.random() < 0.7:
            self._broker.commit(self._group, self._generation, self._positions)


class ModelOutlet:
    """The relay's producer. `cut` says with what error a sending breaks off, None = it does not.

    A sending that breaks off leaves some beginning of it in each partition.
    """

    def __init__(
        self, broker: ModelBroker, rng: Random, at: Callable[[str], None], cut: Callable[[], BaseException | None]
    ) -> None:
        self._broker = broker
        self._rng = rng
        self._at = at
        self._cut = cut

    def expect(self, responders: Collection[str]) -> None:  # noqa: ARG002 - topics are there
        self._at("expect")

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self._at("send")
        error = self._cut()
        stopped: set[tuple[str, str | None]] = set()
        for message in messages:
            if error is not None and self._rng.random() < 0.2:
                stopped.add((message.topic, message.key))
            if (message.topic, message.key) not in stopped:
                self._broker.sinks[message.topic].append(message)
        if error is not None:
            raise error
        self._at("sent")
