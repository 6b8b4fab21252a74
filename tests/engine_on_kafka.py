"""An engine with its topics on the run's real broker, and the two sides a test plays: who reports, who answers.

The names of the topics are the product's own, so one test at a time has them (`kafka_town`), and begins at their ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from connectors.kafka.admin import create_topics
from connectors.kafka.commands import CommandsConsumer
from connectors.kafka.incoming import append_time
from connectors.kafka.intake import make_app
from connectors.kafka.patience import PatientHandle
from connectors.kafka.relay import KafkaRelay
from connectors.kafka.settings import COMMANDS_GROUP, INTAKE_GROUP, KafkaClient
from deploy.local.postgres_databases import PostgresDatabases
from dispatcher.bootstrap import Engine, find_pack, open_engine
from dispatcher.settings import Settings
from routing_rules import load_pack
from schemas import topics
from schemas.commands import SubmitReport
from schemas.decode import decode_report

SESSION_S: Final = 6.0
Headers = list[tuple[str, bytes]]
Predicate = Callable[["Heard"], bool]


@dataclass(frozen=True)
class Heard:
    """A message as a reader got it; `data` is decoded."""

    topic: str
    key: str | None
    id: str
    type: str
    data: dict[str, Any]


class KafkaTown:
    """Topics of the pack's responders, a producer, and a reader of everything that leaves the engine."""

    def __init__(self, bootstrap: str, pack: str = "qinggang") -> None:
        self.client = KafkaClient(bootstrap=bootstrap, session_s=SESSION_S)
        self.bootstrap = bootstrap
        self.pack = pack
        self.responders = sorted(it.id for it in load_pack(find_pack(pack)).responders if it.adapter == "kafka")
        create_topics(self.client, self.responders)
        _skip_what_is_there(self.client)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=2)
        self._reader = _reader_at_the_end(bootstrap, [topics.notices(it) for it in self.responders])
        self.heard: list[Heard] = []

    def close(self) -> None:
        self.producer.close()
        self._reader.close()

    # ── saying ───────────────────────────────────────────────────────────────────────────────────
    def report(self, source_id: str, text: str | None = None, **more: object) -> None:
        """A report in binary mode, confirmed by the broker; given twice, `source_id` is the event's id too."""
        data = {"source": "110", "source_id": source_id, "text": text} | more
        self.say(topics.REPORTS, msgspec.json.encode(data), binary(topics.REPORT_TYPE, source_id))

    def command(self, responder: str, verb: str, incident_id: str, *, ce_id: str | None = None, **body: object) -> str:
        """A command on the responder's topic; returns its id."""
        ce_id = ce_id or uuid.uuid4().hex
        data = msgspec.json.encode({"incident_id": incident_id} | body)
        kind = f"dispatch.command.{verb}.v1"
        self.say(topics.commands(responder), data, binary(kind, ce_id), key=incident_id.encode())
        return ce_id

    def say(
        self,
        topic: str,
        value: bytes | None,
        headers: Headers | None = None,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Any message, confirmed by the broker; the client wants a key where there is no value."""
        key = b"tombstone" if key is None and value is None else key
        self.producer.send(
            topic, value=value, headers=headers or [], key=key, partition=partition, timestamp_ms=timestamp_ms
        ).get(10)

    # ── hearing ──────────────────────────────────────────────────────────────────────────────────
    def wait_for_topic(self, topic: str) -> None:
        until = time.monotonic() + 20
        with closing(KafkaAdminClient(**self.client.admin())) as admin:
            while topic not in admin.list_topics():
                assert time.monotonic() < until, f"{topic} was not made"
                time.sleep(0.1)

    def listen_to(self, topic: str) -> None:
        """Read one more topic, from its beginning."""
        parts = [TopicPartition(topic, n) for n in self._reader.partitions_for_topic(topic) or ()]
        assert parts, f"there is no topic {topic}"
        self._reader.assign([*self._reader.assignment(), *parts])
        self._reader.seek_to_beginning(*parts)

    def wait_for(self, wanted: Predicate, *, count: int = 1, limit_s: float = 20) -> list[Heard]:
        """The first `count` messages that match, of all heard so far; fails when they do not come."""
        until = time.monotonic() + limit_s
        while len(found := [it for it in self.heard if wanted(it)]) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} after {limit_s} s; heard {self.summary()}"
            self.hear()
        return found

    def hear(self) -> int:
        """Take what has come; how many that was."""
        polled = [_heard(record) for records in self._reader.poll(timeout_ms=100).values() for record in records]
        self.heard.extend(polled)
        return len(polled)

    def offer_to(self, responder: str, **wanted: object) -> Heard:
        """An offer made to this responder whose data has these members."""
        return self.wait_for(
            lambda it: (
                it.topic == topics.notices(responder)
                and it.type == "dispatch.offer.made.v1"
                and wanted.items() <= it.data.items()
            )
        )[0]

    def answer_to(self, command_id: str) -> Heard:
        """What the sender of a command is told: accepted or refused."""
        kinds = {"dispatch.command.accepted.v1", "dispatch.command.refused.v1"}
        return self.wait_for(lambda it: it.type in kinds and it.data["command_id"] == command_id)[0]

    def summary(self) -> list[str]:
        return [f"{it.topic.removeprefix('dispatch.')} {it.type}" for it in self.heard[-30:]]


def binary(kind: str, ce_id: str, source: str = "sim-town") -> Headers:
    return [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", ce_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
    ]


class InProcess:
    """Engine, intake, commands consumer and relay in this process, so that a test can turn the clock."""

    def __init__(
        self,
        town: KafkaTown,
        database: str,
        var: Path,
        *,
        clock: Callable[[], datetime] | None = None,
        read_time: Callable[[int, int], datetime | None] = append_time,
    ) -> None:
        settings = Settings(
            database=database, var=var, pack=town.pack, database_clock=database.startswith("postgres"), admin_token="t"
        )
        self.engine: Engine = open_engine(settings, clock)
        self._town, self._var, self._read_time = town, var, read_time
        self._stopping = threading.Event()
        self._relay = KafkaRelay(town.client)
        consumer = CommandsConsumer(town.client, self._handle, self._stopping, read_time=read_time)
        self.threads = [threading.Thread(target=consumer.run), threading.Thread(target=self._run_intake)]

    def __enter__(self) -> Self:
        self.engine.start(tick=True)
        self.engine.deliver_to(self._relay, adapter="kafka")
        for thread in self.threads:
            thread.start()
        wait_for_members(self._town.client, INTAKE_GROUP, COMMANDS_GROUP)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self.threads:
            thread.join(30)
        self.engine.stop()
        self._relay.close()

    def submit(self, reports: Iterable[bytes]) -> None:
        """Reports as the HTTP door hands them over."""
        decoded = (decode_report(raw) for raw in reports)
        self._handle([SubmitReport(report=report, warnings=warnings) for report, warnings in decoded])

    def _handle(self, batch: Any) -> Any:
        return self.engine.writer.submit(batch).result()

    def _run_intake(self) -> None:
        asyncio.run(self._intake())

    async def _intake(self) -> None:
        handle = PatientHandle(self._handle, self._stopping)
        app = make_app(self._town.client, handle, self._var / "faust", read_time=self._read_time)
        app.finalize()
        await app.maybe_start()
        while not self._stopping.is_set():  # noqa: ASYNC110 - the event belongs to threads
            await asyncio.sleep(0.05)
        await app.stop()


def wait_for_members(client: KafkaClient, *groups: str, limit_s: float = 30) -> None:
    """Until each group has members, and all of them have partitions."""
    until = time.monotonic() + limit_s
    with closing(KafkaAdminClient(**client.admin())) as admin:
        while not all(map(_settled, _described(admin, groups))):
            assert time.monotonic() < until, f"groups {groups} have no assignment after {limit_s} s"
            time.sleep(0.1)


def _described(admin: KafkaAdminClient, groups: Iterable[str]) -> list[dict[str, Any]]:
    try:
        return list(admin.describe_groups(list(groups)).values())
    except KafkaError:  # the coordinator is being made
        return [{}]


def _settled(group: dict[str, Any]) -> bool:
    return group.get("group_state") == "Stable" and bool(group["members"])


@pytest.fixture(scope="module")
def kafka_town(kafka_bootstrap: str, run_folder: Path) -> Iterator[KafkaTown]:
    """The topics of the pack qinggang, for one test file at a time."""
    with one_at_a_time(run_folder), closing(KafkaTown(kafka_bootstrap)) as town:
        yield town


@pytest.fixture(scope="module")
def town_database(postgres_server: PostgresDatabases) -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL database of this test file's own."""
    name = f"liandong_town_{uuid.uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@contextmanager
def one_at_a_time(run_folder: Path) -> Iterator[None]:
    """The topics and groups have fixed names: processes of one test run take turns."""
    with (run_folder / "kafka-town.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _heard(record: Any) -> Heard:
    headers = {name: said.decode() for name, said in record.headers}
    key = record.key.decode() if record.key is not None else None
    return Heard(record.topic, key, headers["ce_id"], headers["ce_type"], msgspec.json.decode(record.value))


def _reader_at_the_end(bootstrap: str, names: list[str]) -> KafkaConsumer:
    reader = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    names = [*names, topics.INCIDENTS, topics.DEAD_LETTERS]
    reader.assign([TopicPartition(name, n) for name in names for n in reader.partitions_for_topic(name)])
    reader.seek_to_end()
    for tp in reader.assignment():
        reader.position(tp)  # seeking is lazy: fix the place now
    return reader


def _skip_what_is_there(client: KafkaClient) -> None:
    """Let both groups begin after what earlier tests left behind; members that were killed must be gone first."""
    with (
        closing(KafkaAdminClient(**client.admin())) as admin,
        closing(KafkaConsumer(bootstrap_servers=client.bootstrap)) as reader,
    ):
        for group, names in (
            (INTAKE_GROUP, [topics.REPORTS]),
            (COMMANDS_GROUP, [name for name in admin.list_topics() if topics.responder_of(name)]),
        ):
            parts = [TopicPartition(name, n) for name in names for n in reader.partitions_for_topic(name)]
            ends = {tp: OffsetAndMetadata(end, "", -1) for tp, end in reader.end_offsets(parts).items() if end}
            _commit(admin, group, ends)


def _commit(admin: KafkaAdminClient, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
    until = time.monotonic() + 30
    while offsets:
        try:
            if all(error.errno == 0 for error in admin.alter_group_offsets(group, offsets).values()):
                return
        except KafkaError:
            pass
        assert time.monotonic() < until, f"group {group} still has members"
        time.sleep(0.2)
