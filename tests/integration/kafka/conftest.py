"""What the Kafka canaries share: an admin client and topics of their own on the session's broker."""

from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from tests.engine_on_kafka import kafka_town, town_database

__all__ = ["kafka_town", "town_database"]
MakeTopic = Callable[..., str]


@pytest.fixture(scope="session")
def admin(kafka_bootstrap: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    yield client
    client.close()


@pytest.fixture(scope="session")
def producer(kafka_bootstrap: str) -> Iterator[KafkaProducer]:
    client = KafkaProducer(bootstrap_servers=kafka_bootstrap)
    yield client
    client.close()


@pytest.fixture(scope="session")
def make_topic(admin: KafkaAdminClient) -> MakeTopic:
    """`make_topic(name, partitions=1, **configs)`; a config's dots are written as underscores."""

    def make(name: str, partitions: int = 1, **configs: str) -> str:
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        wanted = {"num_partitions": partitions, "replication_factor": 1, "configs": settings}
        admin.create_topics({name: wanted}, wait_for_metadata=True)
        return name

    return make
