"""The broker itself: how long it takes to come up and to end, and its memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.kafka_day_one.bench import Row, rss_mib
from deploy.local.kafka_broker import KafkaBroker


def measure(_unused: KafkaBroker) -> list[Row]:
    """On a folder of its own, since starting is what is measured."""
    with tempfile.TemporaryDirectory(prefix="liandong-kafka-") as folder, KafkaBroker(Path(folder)) as broker:
        broker.stop()
        again = _timed(broker.start)
        memory = rss_mib(broker.pid)
        end = _timed(broker.stop)
        broker.start()
        broker.kill()
        after_kill = _timed(broker.start)
    with tempfile.TemporaryDirectory(prefix="liandong-kafka-") as folder:
        broker = KafkaBroker(Path(folder))
        first = _timed(broker.start)
        broker.stop()
    return [
        Row("first start, formatting included", first, "s"),
        Row("start on an existing folder", again, "s"),
        Row("start after kill -9", after_kill, "s"),
        Row("clean stop", end, "s"),
        Row("memory after the start", memory, "MiB"),
    ]


def _timed(action: Callable[[], None]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began
