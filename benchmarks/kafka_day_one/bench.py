"""What the measurements share: rows of the table, topics, numbers of a distribution, CPU and memory of a process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient

from deploy.local.kafka_broker import KafkaBroker

VALUE_BYTES = 600


@dataclass(frozen=True)
class Row:
    """One figure of the table."""

    name: str
    figure: float
    unit: str


def make_topic(broker: KafkaBroker, name: str, partitions: int) -> str:
    """A topic stamped by the broker, as reports and commands are."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    configs = {"message.timestamp.type": "LogAppendTime"}
    wanted = {"num_partitions": partitions, "replication_factor": 1, "configs": configs}
    admin.create_topics({name: wanted}, wait_for_metadata=True)
    admin.close()
    return name


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of a non-empty sequence; `share` in 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def rss_mib(pid: int) -> float:
    """Resident memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
