"""Faust and a broker that goes away: while it runs, and while it stops."""

from __future__ import annotations

import time

from benchmarks.kafka_day_one.bench import Row, make_topic
from benchmarks.kafka_day_one.latency import produce_paced
from benchmarks.kafka_day_one.worker_process import Worker
from deploy.local.kafka_broker import KafkaBroker

WATCHDOG_S = 12


def measure(broker: KafkaBroker) -> list[Row]:
    """An outage of 12 s, then stops: with all acknowledged, with events in hand, with the broker dead."""
    return [
        *_away_and_back(broker),
        *_stop(broker, hold=True),
        *_stop(broker, hold=False),
        *_stop_without_broker(broker),
    ]


def _worker(broker: KafkaBroker, group: str, **settings: object) -> Worker:
    topic = make_topic(broker, group, 4)
    log = broker.folder / "worker.log"
    worker = Worker(
        log, bootstrap=broker.bootstrap, group=group, topic=topic, tell_ids=True, watchdog_s=WATCHDOG_S, **settings
    )
    worker.wait_assigned()
    return worker


def _away_and_back(broker: KafkaBroker) -> list[Row]:
    with _worker(broker, "away") as worker:
        produce_paced(broker.bootstrap, "away", 200)
        worker.wait(lambda: worker.count() >= 200)
        time.sleep(2)
        broker.kill()
        time.sleep(12)
        broker.start()
        back = time.monotonic()
        produce_paced(broker.bootstrap, "away", 200)
        worker.wait(lambda: worker.count() >= 400, limit_s=60)
        took_s = time.monotonic() - back
        count = worker.count()
    return [
        Row("broker away 12 s: 200 new messages handled after its return", took_s, "s"),
        Row("broker away 12 s: handled twice", count - 400, "count"),
    ]


def _stop(broker: KafkaBroker, *, hold: bool) -> list[Row]:
    group = f"stop.{'held' if hold else 'clean'}"
    with _worker(broker, group, hold=hold) as worker:
        produce_paced(broker.bootstrap, group, 20)
        worker.wait(lambda: bool(worker.told("held")) if hold else worker.count() == 20)
        ended_s, code = worker.terminate(limit_s=60)
    assert code is not None
    label = "an event unacknowledged" if hold else "all acknowledged"
    return [Row(f"SIGTERM, {label}: until the end", ended_s, "s"), Row(f"SIGTERM, {label}: exit code", code, "")]


def _stop_without_broker(broker: KafkaBroker) -> list[Row]:
    with _worker(broker, "stop.dead") as worker:
        produce_paced(broker.bootstrap, "stop.dead", 20)
        worker.wait(lambda: worker.count() == 20)
        broker.kill()
        time.sleep(3)
        ended_s, code = worker.terminate(limit_s=60)
    broker.start()
    assert code is not None
    return [
        Row(f"SIGTERM, broker dead, watchdog {WATCHDOG_S} s: until the end", ended_s, "s"),
        Row("SIGTERM, broker dead: exit code", code, ""),
    ]
