"""Broker, durable PostgreSQL, worker and relay as `make scale` has them, with the naive agent beside; all real."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks import naive_agent
from benchmarks.proc import cpu_s
from connectors.kafka.admin import create_topics
from connectors.kafka.settings import COMMANDS_GROUP, INTAKE_GROUP, KafkaClient
from deploy.local.child_process import end_child, start_child
from deploy.local.kafka_broker import KafkaBroker
from deploy.local.postgres_server import PostgresServer
from deploy.local.scale_parts import have_members
from dispatcher.bootstrap import find_pack
from routing_rules import load_pack
from schemas import topics

PACK: Final = "qinggang"
OFFER: Final = b"dispatch.offer.made.v1"
_START_LIMIT_S: Final = 120.0
_PARTITIONS: Final = 12


class Town(NamedTuple):
    """Where everything is; `pids` by name: worker, relay, naive, broker, postgres."""

    bootstrap: str
    database: str
    responders: Sequence[str]
    pids: Mapping[str, int]

    def cpu_s(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self.pids.items()}


@contextmanager
def running_town(folder: Path) -> Iterator[Town]:
    """All parts, from when both sides have their partitions."""
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(durable=True))
        broker = stack.enter_context(KafkaBroker(folder / "kafka"))
        database, naive_database = server.create_database("ours"), server.create_database("naive")
        pack = find_pack(PACK)
        responders = sorted(each.id for each in load_pack(pack).responders if each.adapter == "kafka")
        create_topics(KafkaClient(bootstrap=broker.bootstrap), responders)
        _create_naive_topics(broker.bootstrap)
        liandong = str(Path(sys.executable).with_name("liandong"))
        agent = [sys.executable, "-m", "benchmarks.naive_agent", broker.bootstrap, naive_database, str(pack)]
        commands = {
            "worker": [liandong, "worker"],
            "relay": [liandong, "relay"],
            "naive": [*agent, str(folder / "naive")],
        }
        environment = _environment(database, broker.bootstrap, folder)
        children: dict[str, subprocess.Popen[bytes]] = {}
        for name, command in commands.items():
            child = start_child(command, log=folder / f"{name}.log", env=environment)
            stack.callback(end_child, child, grace_s=10)
            children[name] = child
        _wait_until_at_work(folder, broker.bootstrap, children)
        pids = {name: child.pid for name, child in children.items()}
        yield Town(broker.bootstrap, database, responders, pids | {"broker": broker.pid, "postgres": server.pid})


def _environment(database: str, bootstrap: str, folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIANDONG_")}
    ours = {"DATABASE": database, "KAFKA": bootstrap, "VAR": str(folder), "PACK": PACK}
    return inherited | {f"LIANDONG_{name}": value for name, value in ours.items()}


def _create_naive_topics(bootstrap: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    wanted = {"num_partitions": _PARTITIONS, "replication_factor": 1, "configs": {}}
    admin.create_topics({naive_agent.REPORTS: wanted, naive_agent.NOTICES: wanted}, wait_for_metadata=True)
    admin.close()


def _wait_until_at_work(folder: Path, bootstrap: str, children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    give_up_at = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < give_up_at:
        for name, child in children.items():
            if child.poll() is not None:
                said = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"{name} ended while starting:\n{said[-2000:]}")
        consuming = have_members(bootstrap, INTAKE_GROUP, COMMANDS_GROUP, naive_agent.GROUP)
        if consuming and "relay_started" in (folder / "relay.log").read_text(encoding="utf-8", errors="replace"):
            return
        time.sleep(0.5)
    raise RuntimeError(f"the parts were not at work within {_START_LIMIT_S:.0f} s; their logs are in {folder}")


class Offer(NamedTuple):
    """The first notice of an incident: when its sender stamped it and when it was read, seconds since 1970."""

    sent_at: float
    read_at: float


class OfferReader:
    """Reads what responders are told, in a thread of its own, from now on."""

    def __init__(self, town: Town) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=town.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=5)
        names = [*map(topics.notices, town.responders), naive_agent.NOTICES]
        parts = [TopicPartition(name, n) for name in names for n in self._consumer.partitions_for_topic(name) or ()]
        self._consumer.assign(parts)
        self._consumer.seek_to_end()
        for part in parts:
            self._consumer.position(part)  # seeking is lazy: fix the place now
        self.offers: dict[bytes, Offer] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def wait_for(self, count: int, limit_s: float) -> None:
        """Until so many incidents were offered."""
        give_up_at = time.monotonic() + limit_s
        while len(self.offers) < count:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"{len(self.offers)} of {count} offers came within {limit_s} s")
            time.sleep(0.005)

    def _read(self) -> None:
        while not self._stopping.is_set():
            for records in self._consumer.poll(timeout_ms=100).values():
                read_at = time.time()
                for record in records:
                    if record.topic == naive_agent.NOTICES or _type_of(record) == OFFER:
                        self.offers.setdefault(record.key, Offer(record.timestamp / 1000, read_at))


def _type_of(record: Any) -> bytes:  # noqa: ANN401 - kafka-python ships no types
    return next((value for name, value in record.headers if name == "ce_type"), b"")


class ReportProducer:
    """Says reports to either side: as CloudEvents to ours, bare to the naive agent."""

    def __init__(self, bootstrap: str, linger_ms: int) -> None:
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=linger_ms, batch_size=65_536)

    def ours(self, body: bytes, source_id: str) -> Any:  # noqa: ANN401 - kafka-python's future
        headers = [
            ("content-type", b"application/json"),
            ("ce_specversion", b"1.0"),
            ("ce_id", source_id.encode()),
            ("ce_source", b"bench"),
            ("ce_type", topics.REPORT_TYPE.encode()),
        ]
        return self._producer.send(topics.REPORTS, key=source_id.encode(), value=body, headers=headers)

    def naive(self, body: bytes, source_id: str) -> Any:  # noqa: ANN401 - as above
        return self._producer.send(naive_agent.REPORTS, key=source_id.encode(), value=body)

    def flush(self) -> None:
        self._producer.flush(timeout=60)

    def close(self) -> None:
        self._producer.close()
