"""Topics as they must be, a relay that no missing topic can stop, consumers that notice they are stuck."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from connectors.kafka.admin import create_topics, wait_for_topic
from connectors.kafka.relay import KafkaRelay
from connectors.kafka.settings import KafkaClient
from connectors.kafka.stuck import ConsumerWatch, IntakeWatch, Stuck
from schemas import topics
from schemas.notices import OutgoingMessage

pytestmark = pytest.mark.kafka


@pytest.fixture
def client(kafka_bootstrap: str) -> KafkaClient:
    return KafkaClient(bootstrap=kafka_bootstrap)


@pytest.fixture
def responder() -> str:
    return f"dept-{uuid.uuid4().hex[:8]}"


def message(topic: str, number: int) -> OutgoingMessage:
    return OutgoingMessage(
        topic=topic, key="k", id=str(number), type="t", source="liandong/x", time=datetime.now(UTC), data=b"%d" % number
    )


def read_all(bootstrap: str, topic: str, count: int) -> list[bytes]:
    with closing(KafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        consumer.assign([TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)])
        consumer.seek_to_beginning()
        found: list[bytes] = []
        for _ in range(50):
            found += [it.value for records in consumer.poll(timeout_ms=200).values() for it in records]
            if len(found) >= count:
                break
        return found


def guards(admin: KafkaAdminClient, topic: str) -> list[str]:
    names = ["message.timestamp.type", "compression.type"]
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, names)
    found = admin.describe_configs([asked], config_filter="all")["topic"][topic]
    return [found[name]["value"] for name in names]


GUARDED = ["LogAppendTime", "uncompressed"]


def test_topics_are_made_once_with_their_guards(client: KafkaClient, admin: KafkaAdminClient, responder: str) -> None:
    ours = {topics.notices(responder), topics.commands(responder)}
    made = {it.topic: it.what for it in create_topics(client, [responder])}
    assert {made[name] for name in ours} == {"made"}
    assert {topics.REPORTS, topics.INCIDENTS, topics.DEAD_LETTERS} <= made.keys()
    assert {it.what for it in create_topics(client, [responder])} == {"there"}
    assert guards(admin, topics.commands(responder)) == guards(admin, topics.REPORTS) == GUARDED
    assert guards(admin, topics.notices(responder)) == ["CreateTime", "producer"]


def test_a_topic_without_its_guards_is_corrected(client: KafkaClient, admin: KafkaAdminClient, responder: str) -> None:
    name = topics.commands(responder)
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    told = {it.topic: it.what for it in create_topics(client, [responder])}
    assert told[name] == "corrected"
    assert guards(admin, name) == GUARDED


def test_the_relay_makes_the_topic_of_whoever_must_be_told(client: KafkaClient, responder: str) -> None:
    relay = KafkaRelay(client)
    topic = topics.notices(responder)
    relay.send([message(topic, number) for number in range(50)])
    relay.close()
    assert read_all(client.bootstrap, topic, 50) == [b"%d" % number for number in range(50)]


def test_a_topic_that_the_broker_refuses_does_not_stop_the_others(client: KafkaClient, responder: str) -> None:
    relay = KafkaRelay(client)
    impossible = topics.notices("x" * 250)  # longer than Kafka takes
    relay.send([message(impossible, 0), message(topics.notices(responder), 1)])
    relay.send([message(impossible, 2), message(topics.notices(responder), 3)])
    relay.close()
    assert read_all(client.bootstrap, topics.notices(responder), 2) == [b"1", b"3"]


def test_waiting_for_a_topic_ends_when_it_is_there_or_nobody_waits(client: KafkaClient, responder: str) -> None:
    create_topics(client, [responder])
    wait_for_topic(client, topics.notices(responder), threading.Event())
    stopping = threading.Event()
    threading.Timer(0.5, stopping.set).start()
    wait_for_topic(client, topics.notices("nobody"), stopping)
    wait_for_topic(KafkaClient(bootstrap="127.0.0.1:1"), topics.REPORTS, stopping)


def test_a_consumer_that_reads_nothing_though_there_is_something_is_stuck(
    client: KafkaClient, producer: KafkaProducer, responder: str
) -> None:
    create_topics(client, [responder])
    topic = topics.notices(responder)
    with closing(KafkaConsumer(bootstrap_servers=client.bootstrap, enable_auto_commit=False)) as consumer:
        watch = ConsumerWatch(consumer, every_s=0)
        with pytest.raises(Stuck, match="no partitions"):
            watch.look()
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        consumer.seek_to_end(tp)
        for _ in range(4):
            watch.look()  # nothing to read: not stuck
        consumer.pause(tp)
        producer.send(topic, value=b"1", partition=0).get(10)
        for _ in range(2):
            consumer.poll(timeout_ms=50)
            watch.look()
        with pytest.raises(Stuck, match=f"{topic}/0"):
            watch.look()


class GaveUp(Exception):
    pass


def test_an_intake_that_reads_nothing_though_there_is_something_is_ended(
    client: KafkaClient, producer: KafkaProducer, responder: str
) -> None:
    create_topics(client, [responder])
    topic = topics.notices(responder)  # any topic: the group has committed nothing on it
    tp = TopicPartition(topic, 0)

    def give_up(why: str) -> NoReturn:
        raise GaveUp(why)

    stopping = threading.Event()
    threading.Timer(1.0, stopping.set).start()
    IntakeWatch(client, lambda: [tp], give_up=give_up).run(stopping, every_s=0.1)  # nothing to read: it goes on
    producer.send(topic, value=b"1", partition=0).get(10)
    with pytest.raises(GaveUp, match=f"stopped reading {topic}/0"):
        IntakeWatch(client, lambda: [tp], give_up=give_up).run(threading.Event(), every_s=0.1)
