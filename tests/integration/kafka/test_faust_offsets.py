"""Canary of Faust's commits on a real broker: where they lose events, and that our way of using them does not.

Faust 0.15.3 can commit past an event that nobody acknowledged (its issue 606). When a row marked as Faust's fault
changes, the fault is gone and docs/decisions/0001 wants a second look; the rows marked as ours must never change.
"""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import faust
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NoError, NotCoordinatorError
from kafka.structs import OffsetAndMetadata

pytestmark = pytest.mark.kafka


@dataclass(frozen=True)
class Row:
    """Offsets 0..produced-1 exist; the worker is handed those from `committed` on and acknowledges `acked` only."""

    name: str
    committed: int | None
    produced: int
    acked: Sequence[int]


ROWS = (
    Row("new-group", committed=None, produced=5, acked=[1, 2, 3, 4]),
    Row("zero-committed", committed=0, produced=5, acked=[1, 2, 3, 4]),
    Row("gap-of-one", committed=5, produced=10, acked=[6, 7, 8, 9]),
    Row("gap-of-two", committed=5, produced=10, acked=[7, 8, 9]),
    Row("ours-new-group", committed=None, produced=10, acked=[0, 1, 2]),
    Row("ours-committed", committed=5, produced=10, acked=[5, 6, 7]),
)


@dataclass(frozen=True)
class Outcome:
    """Per row: the offset in the broker after the commit, and what a second worker of the group then receives."""

    committed: dict[str, int | None]
    redelivered: dict[str, list[int]]


def make_app(group: str, bootstrap: str) -> faust.App:
    """The settings of our intake that bear on commits; no waiting at the end, since events stay unacknowledged."""
    return faust.App(
        group,
        datadir=tempfile.mkdtemp(prefix="liandong-faust-"),
        broker=f"kafka://{bootstrap}",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=3600,
        stream_wait_empty=False,
    )


def add_agent(app: faust.App, topic: str, take: Callable[[Any, list[Any]], Any]) -> None:
    channel = app.topic(topic, key_serializer="raw", value_serializer="raw")

    async def agent(stream: Any) -> None:
        async for batch in stream.noack_take(100, within=0.05):
            await take(stream, batch)

    app.agent(channel, name=f"agent.{topic}")(agent)


async def run_until(app: faust.App, finished: Callable[[], bool], *, limit_s: float) -> None:
    app.finalize()
    await app.maybe_start()
    try:
        async with asyncio.timeout(limit_s):
            while not finished():  # noqa: ASYNC110 - six agents feed one condition
                await asyncio.sleep(0.02)
        await app.consumer.commit()
    finally:
        await app.stop()


async def first_worker(app: faust.App, topics: dict[str, Row]) -> None:
    """Hold every event of a row, then acknowledge only what the row says, and commit."""
    held: dict[str, dict[int, Any]] = {topic: {} for topic in topics}

    def expected(topic: str) -> int:
        return topics[topic].produced - (topics[topic].committed or 0)

    async def take(stream: Any, batch: list[Any]) -> None:
        for event in batch:
            held[event.message.topic][event.message.offset] = event
        topic = batch[0].message.topic
        if len(held[topic]) == expected(topic):
            for offset in topics[topic].acked:
                await stream.ack(held[topic][offset])

    for topic in topics:
        add_agent(app, topic, take)
    await run_until(app, lambda: all(len(held[t]) == expected(t) for t in topics), limit_s=30)


async def second_worker(
    app: faust.App, topics: dict[str, Row], sentinel_offsets: dict[str, int]
) -> dict[str, list[int]]:
    """What each row's topic delivers up to its sentinel, the last message."""
    seen: dict[str, list[int]] = {topic: [] for topic in topics}

    async def take(stream: Any, batch: list[Any]) -> None:
        for event in batch:
            seen[event.message.topic].append(event.message.offset)
            await stream.ack(event)

    for topic in topics:
        add_agent(app, topic, take)
    await run_until(app, lambda: all(sentinel_offsets[t] in seen[t] for t in topics), limit_s=30)
    return {topics[topic].name: [o for o in seen[topic] if o != sentinel_offsets[topic]] for topic in topics}


def commit_for(admin: KafkaAdminClient, group: str, start: dict[TopicPartition, OffsetAndMetadata]) -> None:
    """A broker's very first group makes the offsets topic and is refused meanwhile, by error or in the answer."""
    for _ in range(50):
        with suppress(CoordinatorNotAvailableError, NotCoordinatorError, CoordinatorLoadInProgressError):
            if set(admin.alter_group_offsets(group, start).values()) == {NoError}:
                return
        time.sleep(0.1)
    pytest.fail("the broker has no group coordinator")


@pytest.fixture(scope="module")
def outcome(
    kafka_bootstrap: str, admin: KafkaAdminClient, producer: KafkaProducer, make_topic: Callable[..., str]
) -> Outcome:
    group = f"canary.{uuid.uuid4().hex[:8]}"
    topics = {make_topic(f"{group}.{row.name}"): row for row in ROWS}
    for topic, row in topics.items():
        for number in range(row.produced):
            producer.send(topic, value=b"%d" % number)
    producer.flush()
    start = {
        TopicPartition(topic, 0): OffsetAndMetadata(row.committed, "", -1)
        for topic, row in topics.items()
        if row.committed is not None
    }
    commit_for(admin, group, start)

    asyncio.run(first_worker(make_app(group, kafka_bootstrap), topics))
    stored = admin.list_group_offsets({group: None})[group]
    committed = {
        row.name: getattr(stored.get(TopicPartition(topic, 0)), "offset", None) for topic, row in topics.items()
    }

    sentinels = {topic: producer.send(topic, value=b"end").get(timeout=10).offset for topic in topics}
    redelivered = asyncio.run(second_worker(make_app(group, kafka_bootstrap), topics, sentinels))
    return Outcome(committed, redelivered)


@pytest.mark.parametrize(
    ("row", "committed", "lost"),
    [
        pytest.param("new-group", 5, [0], id="new group, first event unacknowledged"),
        pytest.param("zero-committed", 5, [0], id="a committed 0 counts as none, so committing it first does not help"),
        pytest.param("gap-of-one", 10, [5], id="the event after the committed one unacknowledged"),
    ],
)
def test_fault_of_faust_commits_past_an_unacknowledged_event(
    outcome: Outcome, row: str, committed: int, lost: list[int]
) -> None:
    assert outcome.committed[row] == committed
    assert not set(lost) & set(outcome.redelivered[row])


def test_a_gap_of_two_is_noticed_and_all_comes_again(outcome: Outcome) -> None:
    assert outcome.committed["gap-of-two"] == 5
    assert outcome.redelivered["gap-of-two"] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(("row", "committed"), [("ours-new-group", 3), ("ours-committed", 8)])
def test_acknowledging_in_order_commits_the_acknowledged_prefix_and_the_rest_comes_again(
    outcome: Outcome, row: str, committed: int
) -> None:
    assert outcome.committed[row] == committed
    assert outcome.redelivered[row] == list(range(committed, 10))
