"""The journal's way out: an idempotent producer, and topics made when somebody must be told on one that is missing."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from connectors.kafka.admin import create_topics
from connectors.kafka.settings import KafkaClient
from schemas import topics
from schemas.envelope import binary_headers
from schemas.notices import OutgoingMessage

log = structlog.get_logger(__name__)
_CONFIRM_S: Final = 30.0


class KafkaRelay:
    """An outlet that is one log: `send` returns when all is confirmed, or raises and everything must be sent again.

    A topic that the broker refuses to have (a name it does not take, no right to make it) would stop everybody's
    notices for ever; its messages are left out and logged. The journal has them, and the API shows them.
    """

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._producer: KafkaProducer | None = None
        self._there: set[str] = set()
        self._refused: set[str] = set()

    def expect(self, responders: Collection[str]) -> None:
        """See to it that these can be told and can speak. Raises KafkaError when the broker is away."""
        for topic in create_topics(self._client, responders):
            if topic.what == "refused":
                log.error("topic_refused", topic=topic.topic, because=topic.detail)
                self._refused.add(topic.topic)
                continue
            if topic.what != "there":
                log.info("topic_made", topic=topic.topic, what=topic.what)
            self._there.add(topic.topic)
            self._refused.discard(topic.topic)

    def send(self, messages: Sequence[OutgoingMessage]) -> None:
        self._make_missing({message.topic for message in messages} - self._there - self._refused)
        try:
            self._send([message for message in messages if message.topic not in self._refused])
        except Exception:
            self.close()  # an idempotent producer that lost a message may refuse all later ones
            self._there.clear()
            raise
        if left_out := sum(message.topic in self._refused for message in messages):
            log.error("messages_left_out", count=left_out, topics=sorted(self._refused))

    def close(self) -> None:
        if self._producer is not None:
            with suppress(KafkaError):
                self._producer.close(timeout=0)
            self._producer = None

    def _send(self, messages: Sequence[OutgoingMessage]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(**self._client.relay_producer())
        sent = [
            self._producer.send(
                message.topic,
                key=message.key.encode() if message.key else None,
                value=message.data,
                headers=binary_headers(message),
            )
            for message in messages
        ]
        self._producer.flush(timeout=_CONFIRM_S)
        for future in sent:
            future.get(timeout=_CONFIRM_S)

    def _make_missing(self, missing: Collection[str]) -> None:
        if missing:
            named = (topics.reader_of(topic) for topic in missing)
            self.expect([responder for responder in named if responder is not None])
