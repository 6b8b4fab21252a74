"""Commands from the responders' topics: one kafka-python consumer with a pattern, which takes up new topics."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from connectors.kafka.foreign_headers import forgive_foreign_headers
from connectors.kafka.incoming import append_time, commands_of, incident_command, log_letters, record_of
from connectors.kafka.patience import Handle, PatientHandle
from connectors.kafka.settings import COMMANDS_BATCH, COMMANDS_POLL_MS, KafkaClient
from connectors.kafka.stuck import ConsumerWatch
from schemas import topics

log = structlog.get_logger(__name__)
_PAUSE_S: Final = 1.0
AppendTime = Callable[[int, int], datetime | None]


class CommandsConsumer:
    """Reads, hands over, commits, in this order; `run` returns only when `stopping` is set."""

    def __init__(
        self,
        client: KafkaClient,
        handle: Handle,
        stopping: threading.Event,
        *,
        read_time: AppendTime = append_time,
    ) -> None:
        self._client = client
        self._handle = PatientHandle(handle, stopping)
        self._stopping = stopping
        self._read_time = read_time

    def run(self) -> None:
        """In a thread of its own; whatever happens to the consumer, a new one is made."""
        forgive_foreign_headers()
        while not self._stopping.is_set():
            try:
                self._consume()
            except Exception as error:  # noqa: BLE001 - a broker that is away has many errors
                log.warning("commands_interrupted", error=type(error).__name__)
                self._stopping.wait(_PAUSE_S)

    def _consume(self) -> None:
        consumer = KafkaConsumer(**self._client.commands_consumer())
        try:
            consumer.subscribe(pattern=topics.COMMANDS_PATTERN)
            watch = ConsumerWatch(consumer)
            while not self._stopping.is_set():
                self._take(consumer)
                watch.look()
        finally:
            consumer.close()

    def _take(self, consumer: KafkaConsumer) -> None:
        polled = consumer.poll(timeout_ms=COMMANDS_POLL_MS, max_records=COMMANDS_BATCH)
        messages = [message for messages in polled.values() for message in messages]
        if not messages:
            return
        records = (record_of(it, self._read_time(it.timestamp, it.timestamp_type)) for it in messages)
        batch = commands_of(records, incident_command)
        log_letters("commands", batch)
        self._handle(batch)
        done = {tp: OffsetAndMetadata(records[-1].offset + 1, "", -1) for tp, records in polled.items()}
        try:
            consumer.commit(done)
        except KafkaError as error:  # the group has moved on: these come again, and are recognised
            log.warning("commands_not_committed", error=type(error).__name__)
