"""Every figure beside its baseline, measured in the same run.

    python -m benchmarks [NAME …]

Prints a table and writes var/bench.json. With NAMEs only these are measured and only their rows replaced. Ends with 1
when a figure falls short of its bound, with 2 when a benchmark could not be run.
"""

import argparse
import importlib
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Row, shown
from deploy.local.kafka_broker import KafkaUnavailable
from deploy.local.postgres_install import PostgresUnavailable
from dispatcher.logs import configure_logs

BENCHMARKS: Final = {
    "routing": "benchmarks.routing",
    "path.embedded": "benchmarks.path_embedded",
    "path.postgres": "benchmarks.path_postgres",
    "http.single": "benchmarks.http_single",
    "kafka.worker": "benchmarks.kafka_worker",
    "kafka.offer_latency": "benchmarks.kafka_offer_latency",
    "timers.late": "benchmarks.timers_late",
    "claims.embedded": "benchmarks.claims_embedded",
    "claims.postgres": "benchmarks.claims_postgres",
    "import.operators": "benchmarks.import_operators",
    "start.100k": "benchmarks.start_100k",
    "memory.1m": "benchmarks.memory_1m",
    "queue": "benchmarks.queue_lists",
    "replay": "benchmarks.replay",
    "sse.fanout": "benchmarks.sse_fanout",
}
FILE: Final = Path("var/bench.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    configure_logs("WARNING")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it tells every attempt to reach a broker that starts
    console = Console(stderr=True)
    rows: list[Row] = []
    failed = False
    for name in names or BENCHMARKS:
        found = measure(name, console)
        failed = failed or found is None
        rows += found or []
        write(FILE, name, found or [])
    Console(width=None if sys.stdout.isatty() else 160).print(table(rows))
    if short := [row.name for row in rows if row.short]:
        console.print(f"short of its bound: {', '.join(short)}")
    return 2 if failed else int(bool(short))


def measure(name: str, console: Console) -> list[Row] | None:
    """Run one benchmark; None, and why, when it could not be run. The others go on."""
    began = time.monotonic()
    console.print(f"{name} …")
    try:
        rows: list[Row] = importlib.import_module(BENCHMARKS[name]).run()
    except (KafkaUnavailable, PostgresUnavailable) as error:
        console.print(f"{name} was not measured: {error}", style="red")
        return None
    except Exception:  # noqa: BLE001 - one that fails must not take the figures of the others with it
        console.print_exception()
        return None
    console.print(f"{name}: {time.monotonic() - began:.0f} s")
    return rows


def write(path: Path, name: str, rows: Sequence[Row]) -> None:
    """Put the rows in the place of those that this benchmark wrote before."""
    kept = [row for row in _written(path) if row["name"] != name and not row["name"].startswith(f"{name}.")]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([*kept, *(row.told() for row in rows)], ensure_ascii=False, indent=1) + "\n")
    fresh.replace(path)


def _written(path: Path) -> list[dict[str, Any]]:
    try:
        written: list[dict[str, Any]] = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return written


def table(rows: Sequence[Row]) -> Table:
    drawn = Table("figure", "", "min..max", "bound", "", "baseline", "", "ratio", "note", title="Liandong, measured")
    for column in (1, 6, 7):
        drawn.columns[column].justify = "right"
    for row in rows:
        verdict = "" if row.bound is None else "[red]short[/]" if row.short else "[green]ok[/]"
        drawn.add_row(
            row.name,
            f"{shown(row.figure)} {row.unit}",
            row.spread,
            str(row.bound or ""),
            verdict,
            row.baseline or "",
            shown(row.baseline_figure),
            f"{row.ratio:.1f} x" if row.ratio else "",
            row.note,
        )
    return drawn


if __name__ == "__main__":
    sys.exit(main())
