"""Each lamp is reported by HTTP and by topic at once, to two processes' engines on one database: one incident each.

The lamps stand 40 m apart and the rule joins within 30 m. 1 % of the campaign's 10,000 pairs runs with `make test`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer
from sqlalchemy import select

from dispatcher.settings import Settings
from dispatcher.store import Store
from dispatcher.store.tables import incidents
from schemas import topics
from schemas.incidents import Incident
from tests.acceptance.town import Town, opened
from tests.engine_on_kafka import InProcess, KafkaTown, binary, kafka_town, town_database

__all__ = ["kafka_town", "town_database"]

PAIRS = 100
_APART_DEG = 40 / 111_195  # of latitude, in metres to a degree
_BATCH = 20
_incident = msgspec.json.Decoder(Incident).decode


@pytest.fixture
def two_engines(kafka_town: KafkaTown, town_database: str, tmp_path: Path) -> Iterator[tuple[InProcess, Town]]:
    """The one reads the topic, the other answers HTTP; each with its own writer and connections."""
    settings = Settings(database=town_database, var=tmp_path / "http", database_clock=True, admin_token="t")
    with InProcess(kafka_town, town_database, tmp_path) as by_topic, opened(settings, None) as by_http:
        yield by_topic, by_http


def lamp(number: int, said_by: str) -> dict[str, object]:
    spot = {"lat": 46.0 + number * _APART_DEG, "lon": 126.1}
    return {"source": said_by, "source_id": f"{said_by}-{number}", "text": "门前路灯坏了", "location": spot}


def _by_topic(town: KafkaTown, count: int) -> None:
    producer = KafkaProducer(bootstrap_servers=town.bootstrap, linger_ms=0)
    for number in range(count):
        value = msgspec.json.encode(lamp(number, "sim-town"))
        producer.send(topics.REPORTS, value=value, headers=binary(topics.REPORT_TYPE, f"pair-{number}"))
    producer.flush(30)
    producer.close()


def _by_http(town: Town, count: int) -> None:
    for start in range(0, count, _BATCH):
        batch = [lamp(number, "110") for number in range(start, min(start + _BATCH, count))]
        answers = town.http.post("/api/v1/reports:batch", json=batch).json()
        assert [each["status"] for each in answers] == [201] * len(batch), answers


def pairs_hold(kafka_town: KafkaTown, engines: tuple[InProcess, Town], count: int, limit_s: float) -> None:
    by_topic, by_http = engines
    store = by_topic.engine.store
    saying = [
        threading.Thread(target=_by_topic, args=(kafka_town, count)),
        threading.Thread(target=_by_http, args=(by_http, count)),
    ]
    for thread in saying:
        thread.start()
    for thread in saying:
        thread.join(limit_s)
    give_up_at = time.monotonic() + limit_s
    while sum(voices := _voices(store)) < 2 * count:
        assert time.monotonic() < give_up_at, f"{sum(voices)} of {2 * count} reports arrived"
        time.sleep(0.2)
    assert len(voices) == count, f"{len(voices)} incidents for {count} lamps"
    assert set(voices) == {2}


def _voices(store: Store) -> list[int]:
    """Of each incident."""
    with store.reading() as connection:
        return [_incident(row[0]).voices for row in connection.execute(select(incidents.c.doc))]


@pytest.mark.kafka
@pytest.mark.postgres
def test_a_lamp_reported_twice_at_once_is_one_incident(
    kafka_town: KafkaTown, two_engines: tuple[InProcess, Town]
) -> None:
    pairs_hold(kafka_town, two_engines, PAIRS, 60)


@pytest.mark.chaos
@pytest.mark.kafka
@pytest.mark.postgres
def test_ten_thousand_lamps(kafka_town: KafkaTown, two_engines: tuple[InProcess, Town]) -> None:
    pairs_hold(kafka_town, two_engines, 10_000, 600)
