"""Consumers that stop reading without an error, as both clients can: noticed by positions that stand still."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import Any, Final, NoReturn

import structlog
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec

from connectors.kafka.patience import end_hard
from connectors.kafka.settings import INTAKE_GROUP, KafkaClient

log = structlog.get_logger(__name__)
LOOK_EVERY_S: Final = 30.0
_LOOKS: Final = 2


class Stuck(Exception):
    """There is something to read, and it is not read."""


class StandingStill:
    """Positions of partitions that are behind; `seen` is told them from time to time."""

    def __init__(self) -> None:
        self._stood: dict[TopicPartition, tuple[int, int]] = {}

    def seen(self, behind: Mapping[TopicPartition, int]) -> list[str]:
        """Partitions that were behind at the same position in the last two looks too."""
        before = {tp: stood for tp, stood in self._stood.items() if behind.get(tp) == stood[0]}
        self._stood = {tp: (position, before.get(tp, (0, 0))[1] + 1) for tp, position in behind.items()}
        return sorted(f"{tp.topic}/{tp.partition}" for tp, (_, looks) in self._stood.items() if looks > _LOOKS)


class ConsumerWatch:
    """For the thread of a kafka-python consumer: `look` raises Stuck when only a new consumer will help."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        *,
        every_s: float = LOOK_EVERY_S,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._every_s = every_s
        self._elapsed = elapsed
        self._looked_at = elapsed()
        self._standing = StandingStill()

    def look(self) -> None:
        if self._elapsed() - self._looked_at < self._every_s:
            return
        self._looked_at = self._elapsed()
        held = self._consumer.assignment()
        if not held:
            raise Stuck("no partitions")
        ends = self._consumer.end_offsets(held)
        positions = {tp: self._consumer.position(tp) for tp in held}
        if standing := self._standing.seen({tp: at for tp, at in positions.items() if at < ends[tp]}):
            raise Stuck(", ".join(standing))


class IntakeWatch:
    """For the process of the Faust intake: nothing but a new process helps it. Looks at its own partitions only."""

    def __init__(
        self,
        client: KafkaClient,
        held: Callable[[], Collection[Any]],
        *,
        give_up: Callable[[str], NoReturn] = end_hard,
    ) -> None:
        self._client = client
        self._held = held
        self._give_up = give_up
        self._standing = StandingStill()

    def run(self, stopping: threading.Event, every_s: float = LOOK_EVERY_S) -> None:
        while not stopping.wait(every_s):
            try:
                standing = self._standing.seen(self._behind())
            except Exception as error:  # noqa: BLE001 - the broker is away: nobody can read
                log.info("intake_not_watched", error=type(error).__name__)
                continue
            if standing:
                self._give_up(f"Faust has stopped reading {', '.join(standing)}")

    def _behind(self) -> dict[TopicPartition, int]:
        """Committed offsets of our partitions in which more is waiting."""
        held = [TopicPartition(tp.topic, tp.partition) for tp in self._held()]
        if not held:
            return {}
        with closing(KafkaAdminClient(**self._client.admin())) as admin:
            committed = admin.list_group_offsets({INTAKE_GROUP: held})[INTAKE_GROUP]
            first = admin.list_partition_offsets(dict.fromkeys(held, OffsetSpec.EARLIEST))
            end = admin.list_partition_offsets(dict.fromkeys(held, OffsetSpec.LATEST))
        at = {tp: max(committed[tp].offset if tp in committed else 0, first[tp].offset) for tp in held}
        return {tp: offset for tp, offset in at.items() if offset < end[tp].offset}
