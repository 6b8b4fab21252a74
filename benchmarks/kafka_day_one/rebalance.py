"""Faust at 200 messages/s while workers join, leave and are killed: the longest pause, and what came twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.kafka_day_one.bench import Row, make_topic
from benchmarks.kafka_day_one.latency import produce_paced
from benchmarks.kafka_day_one.worker_process import Worker
from deploy.local.kafka_broker import KafkaBroker


def measure(broker: KafkaBroker) -> list[Row]:
    """Two workers; a third by turns joins, leaves cleanly, joins again and is killed."""
    topic = make_topic(broker, "rebalance", 12)
    stop = threading.Event()
    source = threading.Thread(target=produce_paced, args=(broker.bootstrap, topic, 60_000, stop))
    workers: list[Worker] = []
    rows = []
    try:
        start_s = _join(broker, topic, workers)
        source.start()
        time.sleep(3)
        rows.append(Row("first worker: process start to partitions assigned", start_s, "s"))
        for number in (2, 3):
            began = time.monotonic()
            joined_s = _join(broker, topic, workers)
            time.sleep(3)
            rows += [
                Row(f"worker {number} joins: start to assigned", joined_s, "s"),
                Row(f"worker {number} joins: nobody handles anything", _pause(workers, began), "s"),
            ]
        began = time.monotonic()
        ended_s, code = workers[2].terminate()
        assert code == 0
        time.sleep(5)
        rows += [
            Row("one leaves on SIGTERM: until its end", ended_s, "s"),
            Row("one leaves: nobody handles anything", _pause(workers, began), "s"),
        ]
        began = time.monotonic()
        workers[1].kill()
        time.sleep(25)
        rows.append(Row("kill -9, session 15 s: until its messages are handled", _late(workers, began), "s"))
    finally:
        stop.set()
        source.join()
        time.sleep(3)
        counts = Counter(number for worker in workers for line in worker.told("batch") for number in line["ids"])
        for worker in workers:
            worker.kill()
    missing = max(counts) + 1 - len(counts)
    return [
        *rows,
        Row("messages", max(counts) + 1, "count"),
        Row("never handled", missing, "count"),
        Row("handled twice", sum(counts.values()) - len(counts), "count"),
    ]


def _join(broker: KafkaBroker, topic: str, workers: list[Worker]) -> float:
    began = time.monotonic()
    log = broker.folder / "worker.log"
    worker = Worker(log, bootstrap=broker.bootstrap, group="rebalance", topic=topic, tell_ids=True)
    workers.append(worker)
    worker.wait_assigned()
    return time.monotonic() - began


def _pause(workers: Sequence[Worker], since: float) -> float:
    """The longest time in which no worker told of a batch, seconds."""
    times: list[float] = sorted(
        line["at"] for worker in workers for line in worker.told("batch") if line["at"] >= since - 1
    )
    return max(later - earlier for earlier, later in pairwise(times))


def _late(workers: Sequence[Worker], killed_at: float) -> float:
    """Seconds from the kill to the first batch after the rebalance that followed it."""
    assigned = [line["at"] for line in workers[0].told("assigned") if line["at"] > killed_at]
    after: list[float] = [line["at"] for line in workers[0].told("batch") if line["at"] > assigned[0]]
    return after[0] - killed_at
