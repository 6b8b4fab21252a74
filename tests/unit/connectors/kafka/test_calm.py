"""A library's outage is told, not recited."""

import logging

from connectors.kafka.calm import Sometimes


def record(name: str, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, "no broker", None, None)


def test_repetitions_wait_for_ten_seconds() -> None:
    now = 0.0
    sometimes = Sometimes(lambda: now)
    assert sometimes.filter(record("kafka.net.manager"))
    assert not sometimes.filter(record("kafka.net.manager"))
    assert sometimes.filter(record("kafka.cluster"))
    assert sometimes.filter(record("kafka.net.manager", logging.CRITICAL))
    now = 10.0
    assert sometimes.filter(record("kafka.net.manager"))


def test_others_are_never_held_back() -> None:
    sometimes = Sometimes(lambda: 0.0)
    assert all(sometimes.filter(record("sqlalchemy.pool")) for _ in range(3))
    assert all(sometimes.filter(record("kafkaesque")) for _ in range(3))
