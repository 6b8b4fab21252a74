"""kafka-python's own times: taking up a new topic by pattern, sharing a group, a producer through an outage."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from kafka import KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from benchmarks.kafka_day_one.bench import Row, make_topic
from deploy.local.kafka_broker import KafkaBroker

JOINS = 25


def measure(broker: KafkaBroker) -> list[Row]:
    """All on one broker; the outage comes last."""
    rows = [
        Row(f"pattern, metadata_max_age {age_ms} ms: new topic read", _pattern(broker, age_ms), "s")
        for age_ms in (1_000, 5_000, 10_000)
    ]
    for assignor in (CooperativeStickyAssignor, RoundRobinPartitionAssignor):
        for beat_ms in (3_000, 1_000):
            joined_s, unread = _shared(broker, assignor, beat_ms)
            label = f"{assignor.name}, heartbeat {beat_ms} ms: second member"
            rows += [Row(f"{label} joined", joined_s, "s"), Row(f"{label}: then unread of 60", unread, "count")]
    rows += [
        Row(f"group joins left without partitions, of {JOINS}, poll({wait_ms})", _stalled(broker, wait_ms), "count")
        for wait_ms in (20, 500)
    ]
    for back_off_ms in (30_000, 1_000):
        rows += _outage(broker, back_off_ms)
    return rows


def _pattern(broker: KafkaBroker, age_ms: int) -> float:
    """The longest of three, since the age may just have passed."""
    return max(_pattern_once(broker, age_ms) for _ in range(3))


def _pattern_once(broker: KafkaBroker, age_ms: int) -> float:
    mark = uuid.uuid4().hex[:8]
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    first = make_topic(broker, f"{mark}.first", 1)
    producer.send(first, value=b"1").get(timeout=10)
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap,
        group_id=mark,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        metadata_max_age_ms=age_ms,
    )
    consumer.subscribe(pattern=f"^{mark}\\..*")
    while not consumer.poll(timeout_ms=200):
        pass
    consumer.poll(timeout_ms=500)
    later = make_topic(broker, f"{mark}.later", 1)
    began = time.monotonic()
    producer.send(later, value=b"2").get(timeout=10)
    while not consumer.poll(timeout_ms=200):
        assert time.monotonic() - began < 60
    took_s = time.monotonic() - began
    consumer.close()
    producer.close()
    return took_s


def _shared(broker: KafkaBroker, assignor: type[AbstractPartitionAssignor], beat_ms: int) -> tuple[float, int]:
    """A second member joins; seconds until both have half, and how many of 60 messages sent then stay unread for 8 s.

    Polled by turns, so that each member pauses half a second between its polls, as one that is at work does.
    """
    mark = uuid.uuid4().hex[:8]
    topic = make_topic(broker, mark, 6)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    members: list[KafkaConsumer] = []
    read = 0

    def poll_until(finished: Callable[[], bool], limit_s: float) -> float:
        nonlocal read
        began = time.monotonic()
        while not finished() and time.monotonic() - began < limit_s:
            for member in members:
                read += sum(map(len, member.poll(timeout_ms=500).values()))
        return time.monotonic() - began

    took_s = 0.0
    for partitions in (6, 3):
        members.append(
            KafkaConsumer(
                topic,
                bootstrap_servers=broker.bootstrap,
                group_id=mark,
                auto_offset_reset="earliest",
                heartbeat_interval_ms=beat_ms,
                partition_assignment_strategy=[assignor],
            )
        )
        took_s = poll_until(lambda wanted=partitions: all(len(m.assignment()) == wanted for m in members), 60)  # type: ignore[misc]
    for number in range(60):
        producer.send(topic, key=b"%d" % number, value=b"x")
    producer.flush()
    poll_until(lambda: read == 60, 8)
    for member in members:
        member.close()
    producer.close()
    return took_s, 60 - read


def _stalled(broker: KafkaBroker, wait_ms: int) -> int:
    """How many of JOINS lone members have no partition after 4 s."""
    return sum(not _assigned(broker, wait_ms) for _ in range(JOINS))


def _assigned(broker: KafkaBroker, wait_ms: int) -> bool:
    mark = uuid.uuid4().hex[:8]
    member = KafkaConsumer(make_topic(broker, mark, 6), bootstrap_servers=broker.bootstrap, group_id=mark)
    until = time.monotonic() + 4
    while not member.assignment() and time.monotonic() < until:
        member.poll(timeout_ms=wait_ms)
    assigned = bool(member.assignment())
    member.close()
    return assigned


def _outage(broker: KafkaBroker, back_off_ms: int) -> list[Row]:
    """Ten messages sent while the broker is away for 12 s: when they are confirmed, and that it is in order."""
    topic = make_topic(broker, f"outage.{back_off_ms}", 1)
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap, reconnect_backoff_max_ms=back_off_ms, request_timeout_ms=10_000
    )
    producer.send(topic, value=b"before").get(timeout=10)
    broker.kill()
    began = time.monotonic()
    sent = [producer.send(topic, value=b"%d" % number) for number in range(10)]
    blocked_s = time.monotonic() - began
    time.sleep(12)
    broker.start()
    back = time.monotonic()
    offsets = [one.get(timeout=120).offset for one in sent]
    assert offsets == sorted(set(offsets)), offsets
    label = f"broker away 12 s, reconnect_backoff_max {back_off_ms} ms"
    took_s = time.monotonic() - back
    producer.close()
    return [
        Row(f"{label}: send() blocks", blocked_s, "s"),
        Row(f"{label}: confirmed after its return", took_s, "s"),
    ]
