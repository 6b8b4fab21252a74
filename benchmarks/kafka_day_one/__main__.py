"""`python -m benchmarks.kafka_day_one [broker|throughput|latency|rebalance|clients|outage ...]` prints a table.

Starts a private broker for each part; all parts together take about six minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.kafka_day_one import broker_life, clients, latency, outage, rebalance, throughput
from benchmarks.kafka_day_one.bench import Row
from deploy.local.kafka_broker import KafkaBroker

PARTS: dict[str, Callable[[KafkaBroker], list[Row]]] = {
    "broker": broker_life.measure,
    "throughput": throughput.measure,
    "latency": latency.measure,
    "rebalance": rebalance.measure,
    "clients": clients.measure,
    "outage": outage.measure,
}


def main() -> None:
    """Run the named parts, or all."""
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(prefix="liandong-kafka-") as folder, KafkaBroker(Path(folder)) as broker:
            print(f"\n{name}")
            for row in PARTS[name](broker):
                print(f"  {row.name:<60}{row.figure:>12,.1f} {row.unit}", flush=True)


if __name__ == "__main__":
    main()
