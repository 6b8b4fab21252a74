"""End to end at 200 messages/s: producer -> Faust batch -> producer -> consumer, with the time spent on each hop."""

from __future__ import annotations

import threading
import time

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.kafka_day_one.bench import VALUE_BYTES, Row, cpu_s, make_topic, percentile
from benchmarks.kafka_day_one.worker_process import Worker
from deploy.local.kafka_broker import KafkaBroker

RATE = 200
COUNT = 3_000
WARM_UP = 200


def measure(broker: KafkaBroker) -> list[Row]:
    """One run for each waiting time of the batch."""
    rows = []
    for within_s in (0.05, 0.02, 0.01, 0.005):
        rows += _one_run(broker, within_s)
    return rows


def produce_paced(bootstrap: str, topic: str, count: int, stop: threading.Event | None = None) -> None:
    """RATE messages a second, each confirmed by the producer's own thread; value = number, time, filling."""
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    began = time.monotonic()
    for number in range(count):
        if stop is not None and stop.is_set():
            break
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        value = b"%d %d " % (number, time.monotonic_ns())
        producer.send(topic, key=b"%d" % number, value=value.ljust(VALUE_BYTES, b"x"))
    producer.flush()
    producer.close()


def _one_run(broker: KafkaBroker, within_s: float) -> list[Row]:
    name = f"latency.{within_s * 1e3:g}ms"
    topic, out = make_topic(broker, f"{name}.in", 12), make_topic(broker, f"{name}.out", 6)
    log = broker.folder / "worker.log"
    with Worker(log, bootstrap=broker.bootstrap, group=name, topic=topic, out=out, within_s=within_s) as worker:
        worker.wait_assigned()
        idle = _idle_cpu(worker)
        consumer = KafkaConsumer(out, bootstrap_servers=broker.bootstrap, group_id=f"{name}.readers")
        while not consumer.assignment():
            consumer.poll(timeout_ms=100)
        busy_from = cpu_s(worker.child.pid), time.monotonic()
        source = threading.Thread(target=produce_paced, args=(broker.bootstrap, topic, COUNT))
        source.start()
        taken, read = _read(consumer)
        source.join()
        busy = (cpu_s(worker.child.pid) - busy_from[0]) / (time.monotonic() - busy_from[1])
        consumer.close()
    label = f"within={within_s * 1e3:g} ms"
    return [
        Row(f"{label}: produced -> batch, p50", percentile(taken, 0.5), "ms"),
        Row(f"{label}: produced -> batch, p99", percentile(taken, 0.99), "ms"),
        Row(f"{label}: produced -> read, p50", percentile(read, 0.5), "ms"),
        Row(f"{label}: produced -> read, p99", percentile(read, 0.99), "ms"),
        Row(f"{label}: worker's CPU idle", idle * 100, "%"),
        Row(f"{label}: worker's CPU at {RATE}/s", busy * 100, "%"),
    ]


def _idle_cpu(worker: Worker) -> float:
    before = cpu_s(worker.child.pid)
    time.sleep(3)
    return (cpu_s(worker.child.pid) - before) / 3


def _read(consumer: KafkaConsumer) -> tuple[list[float], list[float]]:
    """Milliseconds from producing to the worker's batch and to reading, without the warm-up."""
    taken, read = [], []
    seen = 0
    until = time.monotonic() + COUNT / RATE + 30
    while seen < COUNT and time.monotonic() < until:
        for records in consumer.poll(timeout_ms=500).values():
            now_ns = time.monotonic_ns()
            for record in records:
                seen += 1
                parts = record.value.split(b" ")
                number, produced_ns, taken_ns = int(parts[0]), int(parts[1]), int(parts[-1])
                if number >= WARM_UP:
                    taken.append((taken_ns - produced_ns) / 1e6)
                    read.append((now_ns - produced_ns) / 1e6)
    assert seen == COUNT, f"{seen} of {COUNT} came through"
    return taken, read
