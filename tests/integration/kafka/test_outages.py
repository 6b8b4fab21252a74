"""Database or broker away for a while: everything waits in place, nothing is lost, the backlog drains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from deploy.local.kafka_broker import KafkaBroker, KafkaUnavailable
from deploy.local.postgres_install import PostgresUnavailable
from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Store
from tests.conftest import MISSING
from tests.engine_on_kafka import InProcess, KafkaTown

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]
WATER = "家里停水了"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of its own, since it is stopped."""
    try:
        with KafkaBroker(tmp_path_factory.mktemp("kafka")) as running:
            yield running
    except KafkaUnavailable as reason:
        pytest.skip(f"{MISSING}{reason}")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of its own, since it is stopped; durable, since it must not forget."""
    try:
        with PostgresServer(durable=True) as running:
            yield running
    except PostgresUnavailable as reason:
        pytest.skip(f"{MISSING}{reason}")


@pytest.fixture(scope="module")
def town(broker: KafkaBroker) -> Iterator[KafkaTown]:
    with closing(KafkaTown(broker.bootstrap)) as made:
        yield made


def stored(store: Store) -> list[str]:
    """source_id of every report in the database."""
    with store.reading() as connection:
        docs = connection.execute(text("SELECT doc FROM bodies WHERE kind = 'report'")).scalars().all()
    return [msgspec.json.decode(bytes(doc))["source_id"] for doc in docs]


def offers(town: KafkaTown, since: int) -> set[str]:
    return {str(it.key) for it in town.heard[since:] if it.type == "dispatch.offer.made.v1"}


def until_offered(town: KafkaTown, since: int, count: int, limit_s: float) -> None:
    give_up_at = time.monotonic() + limit_s
    while len(offers(town, since)) < count:
        assert time.monotonic() < give_up_at, f"{len(offers(town, since))} of {count} within {limit_s} s"
        town.hear()


def test_the_database_goes_away_for_a_few_seconds(town: KafkaTown, postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create_database("away")
    with InProcess(town, url, tmp_path) as running:
        town.report("before", WATER)
        until_offered(town, 0, 1, 15)
        heard = len(town.heard)
        postgres.crash()
        names = [f"meanwhile-{number}" for number in range(60)]
        for name in names:
            town.report(name, WATER)
            time.sleep(0.03)
        command = town.command("water-works", "claim", next(iter(offers(town, 0))))
        time.sleep(2)
        assert running.engine.ready() != []  # it says that it cannot work
        assert all(thread.is_alive() for thread in running.threads)
        postgres.start()
        until_offered(town, heard, len(names), 30)
        assert town.answer_to(command).type == "dispatch.command.accepted.v1"
        assert sorted(stored(running.engine.store)) == sorted(["before", *names])
        assert running.engine.store.verify_journal() is None


def test_the_broker_goes_away_for_a_while(
    town: KafkaTown, broker: KafkaBroker, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database("broker_away")
    with InProcess(town, url, tmp_path) as running:
        since = len(town.heard)
        town.report("b-before", WATER)
        until_offered(town, since, 1, 15)
        broker.stop()
        time.sleep(3)
        over_http = [msgspec.json.encode({"source": "110", "source_id": f"b-{n}", "text": WATER}) for n in range(20)]
        running.submit(over_http)  # the engine goes on without the broker; its notices wait in the journal
        broker.start()
        until_offered(town, since, 21, 60)
        town.report("b-after", WATER)
        until_offered(town, since, 22, 60)
        assert len(stored(running.engine.store)) == 22
