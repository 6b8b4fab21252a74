"""How our Kafka clients are set, all in one place; docs/decisions/0001 says what was measured."""

from pathlib import Path
from typing import Any, Final

from msgspec import Struct

INTAKE_GROUP: Final = "liandong.intake"
COMMANDS_GROUP: Final = "liandong.commands"
INTAKE_BATCH: Final = 500
INTAKE_WITHIN_S: Final = 0.02
COMMANDS_BATCH: Final = 200
COMMANDS_POLL_MS: Final = 500
STOP_LIMIT_S: Final = 25.0
AWAY_LIMIT_S: Final = 60.0
_METADATA_AGE_MS: Final = 5_000


class KafkaClient(Struct, frozen=True, kw_only=True):
    """The broker, and how long a member of a group may be silent before others take its partitions."""

    bootstrap: str
    session_s: float = 15.0

    @property
    def heartbeat_s(self) -> float:
        return self.session_s / 5

    def faust(self, folder: Path) -> dict[str, Any]:
        """Settings of the Faust app; `folder` is where it keeps its (empty) tables."""
        return {
            "broker": f"kafka://{self.bootstrap}",
            "autodiscover": False,
            "datadir": folder,
            "web_enabled": False,
            "topic_allow_declare": False,
            "topic_disable_leader": True,
            "broker_session_timeout": self.session_s,
            "broker_heartbeat_interval": self.heartbeat_s,
            "broker_request_timeout": 30.0,
            "broker_max_poll_records": INTAKE_BATCH,
            "broker_commit_interval": 1.0,
            "producer_request_timeout": 30.0,
            "stream_wait_empty": True,
        }

    def commands_consumer(self) -> dict[str, Any]:
        """A topic made later is taken up when the metadata is older than its age, 5 s.

        Round robin, because the cooperative assignor of kafka-python 3.0.12 leaves messages unread for good.
        """
        from kafka.coordinator.assignors.roundrobin import (  # noqa: PLC0415 - 0.4 s for every command line
            RoundRobinPartitionAssignor,
        )

        return self._kafka_python() | {
            "group_id": COMMANDS_GROUP,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "metadata_max_age_ms": _METADATA_AGE_MS,
            "session_timeout_ms": int(self.session_s * 1000),
            "heartbeat_interval_ms": 1_000,
            "partition_assignment_strategy": [RoundRobinPartitionAssignor],
        }

    def relay_producer(self) -> dict[str, Any]:
        """Idempotent, so that a retry inside the client neither repeats nor reorders."""
        return self._kafka_python() | {
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 5,
            "batch_size": 65_536,
            "max_block_ms": 10_000,
            "request_timeout_ms": 10_000,
            "delivery_timeout_ms": 30_000,  # then the loop says that it fails, and tries again
        }

    def admin(self) -> dict[str, Any]:
        return self._kafka_python() | {"request_timeout_ms": 15_000, "bootstrap_timeout_ms": 5_000}

    def _kafka_python(self) -> dict[str, Any]:
        """A second between attempts to reconnect: the default of 30 s would add as much to every outage."""
        return {"bootstrap_servers": self.bootstrap, "reconnect_backoff_max_ms": 1_000}
