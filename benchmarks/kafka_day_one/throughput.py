"""Messages per second and CPU per message of one producer, one plain consumer, one Faust worker."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.kafka_day_one.bench import VALUE_BYTES, Row, make_topic, rss_mib
from benchmarks.kafka_day_one.worker_process import Worker
from deploy.local.kafka_broker import KafkaBroker

COUNT = 50_000


def measure(broker: KafkaBroker) -> list[Row]:
    """Fill a topic of 12 partitions, then read it twice."""
    topic = make_topic(broker, "throughput", 12)
    return [
        *_produce(broker, topic),
        *_produce_confirmed_singly(broker),
        *_consume(broker, topic),
        *_faust(broker, topic),
    ]


def _produce(broker: KafkaBroker, topic: str) -> list[Row]:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=5, batch_size=64 * 1024)
    value = b"0 " + b"x" * (VALUE_BYTES - 2)
    began, cpu = time.monotonic(), time.process_time()
    sent = [producer.send(topic, key=b"%d" % number, value=value) for number in range(COUNT)]
    producer.flush()
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    assert all(one.succeeded() for one in sent)
    producer.close()
    return [
        Row("producer, acks=all, idempotent, 600 bytes", COUNT / took_s, "/s"),
        Row("producer CPU", cpu_s / COUNT * 1e6, "µs"),
    ]


def _produce_confirmed_singly(broker: KafkaBroker) -> list[Row]:
    topic = make_topic(broker, "throughput.single", 1)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    count = 1_000
    began = time.monotonic()
    for _ in range(count):
        producer.send(topic, value=b"x" * VALUE_BYTES).get(timeout=10)
    took_s = time.monotonic() - began
    producer.close()
    return [Row("producer, each confirmed before the next", took_s / count * 1e3, "ms")]


def _consume(broker: KafkaBroker, topic: str) -> list[Row]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id="plain",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    count = 0
    while not count:
        count = sum(map(len, consumer.poll(timeout_ms=500, max_records=500).values()))
    first, began, cpu = count, time.monotonic(), time.process_time()
    while count < COUNT:
        count += sum(map(len, consumer.poll(timeout_ms=500, max_records=500).values()))
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    consumer.close()
    return [
        Row("kafka-python consumer, poll(500), crc32c", (count - first) / took_s, "/s"),
        Row("kafka-python consumer CPU", cpu_s / (count - first) * 1e6, "µs"),
    ]


def _faust(broker: KafkaBroker, topic: str) -> list[Row]:
    log = broker.folder / "worker.log"
    with Worker(log, bootstrap=broker.bootstrap, group="throughput", topic=topic, within_s=0.02) as worker:
        worker.wait(lambda: worker.count() >= COUNT, limit_s=120)
        batches = worker.told("batch")
        first, last = batches[0], batches[-1]
        count = worker.count() - first["count"]
        return [
            Row("faust noack_take(500), all acknowledged", count / (last["at"] - first["at"]), "/s"),
            Row("faust CPU", (last["cpu_s"] - first["cpu_s"]) / count * 1e6, "µs"),
            Row("faust events a batch", worker.count() / len(batches), "count"),
            Row("faust memory", rss_mib(worker.child.pid), "MiB"),
        ]
