"""What we count on in kafka-python and in a real broker, beyond what a mock can show."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

pytestmark = pytest.mark.kafka

BACKDATED_MS = 1_000_000_000_000  # 2001-09-09
LOG_APPEND_TIME = 1

MakeTopic = Callable[..., str]
Received = list[tuple[int, int]]


@pytest.fixture
def mark() -> str:
    """Begins the names of everything this test makes."""
    return f"canary.{uuid.uuid4().hex[:8]}"


@contextmanager
def consuming(bootstrap: str, **settings: object) -> Iterator[KafkaConsumer]:
    """A consumer with the settings that ours share."""
    ours = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "heartbeat_interval_ms": 500}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, **(ours | settings))
    try:
        yield consumer
    finally:
        consumer.close()


def poll_once(consumer: KafkaConsumer, into: Received) -> None:
    """500 ms: with waits of some 20 ms about one join in 25 ends without an assignment, and stays so."""
    for records in consumer.poll(timeout_ms=500).values():
        into.extend((record.partition, record.offset) for record in records)


def poll_until(consumers: list[KafkaConsumer], into: Received, count: int, limit_s: float = 30.0) -> float:
    """Poll all by turns until `count` records have come; seconds it took."""
    began = time.monotonic()
    while len(into) < count:
        assert time.monotonic() - began < limit_s, f"{len(into)} of {count} records after {limit_s} s"
        for consumer in consumers:
            poll_once(consumer, into)
    return time.monotonic() - began


def test_nobody_can_backdate_a_message_of_a_log_append_time_topic(
    kafka_bootstrap: str, producer: KafkaProducer, make_topic: MakeTopic, mark: str
) -> None:
    ours = make_topic(f"{mark}.commands", message_timestamp_type="LogAppendTime")
    naive = make_topic(f"{mark}.create-time")
    before_ms = time.time() * 1000

    told = producer.send(ours, value=b"claim", timestamp_ms=BACKDATED_MS).get(timeout=10)
    producer.send(naive, value=b"claim", timestamp_ms=BACKDATED_MS).get(timeout=10)

    with consuming(kafka_bootstrap) as consumer:
        consumer.assign([TopicPartition(ours, 0), TopicPartition(naive, 0)])
        read: dict[str, Any] = {}
        while len(read) < 2:
            for tp, records in consumer.poll(timeout_ms=200).items():
                read[tp.topic] = records[0]
    assert read[naive].timestamp == BACKDATED_MS  # the attack works where the topic is not ours
    assert before_ms - 1000 <= read[ours].timestamp <= time.time() * 1000 + 1000
    assert read[ours].timestamp_type == LOG_APPEND_TIME
    assert told.timestamp == read[ours].timestamp  # the producer learns the broker's time


def test_topics_are_made_once_with_their_settings(admin: KafkaAdminClient, make_topic: MakeTopic, mark: str) -> None:
    topic = make_topic(
        f"{mark}.reports", partitions=3, message_timestamp_type="LogAppendTime", retention_ms="604800000"
    )

    with pytest.raises(TopicAlreadyExistsError):
        make_topic(topic, partitions=3)

    assert len(admin.describe_topics([topic])[0]["partitions"]) == 3


def test_a_pattern_takes_up_a_topic_made_later_from_its_first_message(
    kafka_bootstrap: str, producer: KafkaProducer, make_topic: MakeTopic, mark: str
) -> None:
    first = make_topic(f"{mark}.drains.commands.v1")
    producer.send(first, value=b"1").get(timeout=10)
    received: Received = []
    with consuming(kafka_bootstrap, group_id=mark, metadata_max_age_ms=2_000) as consumer:
        consumer.subscribe(pattern=rf"^{mark}\.[a-z-]+\.commands\.v1$")
        poll_until([consumer], received, count=1)

        later = make_topic(f"{mark}.roads.commands.v1")
        producer.send(later, value=b"2").get(timeout=10)  # before the consumer knows the topic
        took_s = poll_until([consumer], received, count=2, limit_s=10)

        assert {tp.topic for tp in consumer.assignment()} == {first, later}
    assert took_s < 10


def test_members_of_a_group_share_join_and_leave_without_losing_a_record(
    kafka_bootstrap: str, producer: KafkaProducer, make_topic: MakeTopic, mark: str
) -> None:
    # Not the cooperative assignor: polled by turns as here, its members leave partitions unread (decision 0001).
    topic = make_topic(f"{mark}.notices", partitions=6)
    settings = {"group_id": mark, "partition_assignment_strategy": [RoundRobinPartitionAssignor]}
    received: Received = []

    def produce(count: int) -> None:
        for number in range(count):
            producer.send(topic, key=b"%d" % number, value=b"x")
        producer.flush()

    with consuming(kafka_bootstrap, **settings) as stays:
        stays.subscribe([topic])
        produce(60)
        poll_until([stays], received, count=60)
        commit_position(stays)
        with consuming(kafka_bootstrap, **settings) as joins:
            joins.subscribe([topic])
            deadline = time.monotonic() + 30
            while len(joins.assignment()) != 3 or len(stays.assignment()) != 3:
                assert time.monotonic() < deadline, "the partitions were not shared"
                poll_once(stays, received)
                poll_once(joins, received)
            produce(60)
            poll_until([stays, joins], received, count=120)
            assert not stays.assignment() & joins.assignment()
            commit_position(stays)
            commit_position(joins)
        produce(60)
        poll_until([stays], received, count=180)
        assert len(stays.assignment()) == 6
    assert len(set(received)) == 180  # each record came, and none twice since all were committed between


def commit_position(consumer: KafkaConsumer) -> None:
    consumer.commit({tp: OffsetAndMetadata(consumer.position(tp), "", -1) for tp in consumer.assignment()})


def test_lag_is_the_end_less_the_committed_offset(
    kafka_bootstrap: str, admin: KafkaAdminClient, producer: KafkaProducer, make_topic: MakeTopic, mark: str
) -> None:
    topic = make_topic(f"{mark}.lag")
    for _ in range(7):
        producer.send(topic, value=b"x")
    producer.flush()
    tp = TopicPartition(topic, 0)
    with consuming(kafka_bootstrap, group_id=mark) as consumer:
        consumer.assign([tp])
        consumer.commit({tp: OffsetAndMetadata(3, "note", -1)})

    stored = admin.list_group_offsets({mark: None})[mark]
    ends = admin.list_partition_offsets({tp: OffsetSpec.LATEST})

    assert stored == {tp: OffsetAndMetadata(offset=3, metadata="note", leader_epoch=-1)}
    assert ends[tp].offset - stored[tp].offset == 4


def test_replay_by_offset_and_by_time(
    kafka_bootstrap: str, producer: KafkaProducer, make_topic: MakeTopic, mark: str
) -> None:
    topic = make_topic(f"{mark}.replay", message_timestamp_type="LogAppendTime")
    for value in (b"0", b"1"):
        producer.send(topic, value=value).get(timeout=10)
    time.sleep(0.01)
    third = producer.send(topic, value=b"2").get(timeout=10)
    tp = TopicPartition(topic, 0)
    with consuming(kafka_bootstrap) as consumer:
        consumer.assign([tp])
        found = consumer.offsets_for_times({tp: third.timestamp})[tp]
        assert (found.offset, found.timestamp) == (2, third.timestamp)
        assert consumer.offsets_for_times({tp: third.timestamp + 1}) == {tp: None}

        for start, expected in ((1, [(0, 1), (0, 2)]), (found.offset, [(0, 2)])):
            consumer.seek(tp, start)
            again: Received = []
            poll_until([consumer], again, count=len(expected))
            assert again == expected
