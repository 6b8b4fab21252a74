"""`make replay-boston`: half a year of a city's real reports, replayed and held against the city's own answers.

Three private databases: A with the pack's clocks (and the same again), B with the due times of the file, C grouped.
Exit code 1 when a figure falls short of its bar. The report goes to docs/replay-boston.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import boston_figures as figures
from benchmarks.boston_city import City, read_city, records_path
from benchmarks.boston_figures import Figure
from benchmarks.boston_replayed import fingerprint, read_replayed
from dispatcher.bootstrap import find_pack
from routing_rules import load_pack

PROJECT: Final = Path(__file__).resolve().parents[1]
REPORT: Final = PROJECT / "docs" / "replay-boston.md"
PACK: Final = "boston"
_ABOUT: Final = """# Replay of Boston

`make replay-boston` replays {rows:,} service requests that Boston's 311 line took in the second half of 2011 into fresh
private databases – the file's times drive the engine's clock – and holds what then stands in the databases against what
the city recorded. The records are public, are not part of this repository, and nothing of them is written here or
into the pack, which was [learned](../benchmarks/make_boston_pack.py) from July to October.

* A: `liandong import … --replay --group none`, due times and owners by the pack `boston`; then the same once more.
* B: the same with `--clocks file`: the city's own targets are the due times, and the alarms, with the due instants of
  the journal's `ClockBreached` events, are compared with its OVERDUE.
* C: `--group pack`: similar reports join. The city names another case for {linked} cases only, most of them of another
  type, and the pack groups within a type; so these are figures without a bar.

The records lie in `../shared/data` beside the checkout, or in the folder that `LIANDONG_SHARED_DATA` names.

"""


class Passes:
    """Runs of the command line on private databases, with the seconds each took."""

    def __init__(self, folder: Path, records: Path) -> None:
        self._folder = folder
        self._records = records
        self.seconds: dict[str, float] = {}

    def run(self, name: str, home: str, *options: str) -> Path:
        """Replay into the database of `home`; its path."""
        mapping = find_pack(PACK) / "imports" / "boston311.yaml"
        command = [
            Path(sys.executable).with_name("liandong"),
            "import",
            self._records,
            "--mapping",
            mapping,
            "--replay",
        ]
        started = time.perf_counter()
        subprocess.run(
            [*map(str, command), *options], env=self._environment(home), stdout=subprocess.DEVNULL, check=True
        )
        self.seconds[name] = time.perf_counter() - started
        print(f"{name}: replayed in {self.seconds[name]:.1f} s", flush=True)
        return self._folder / home / "liandong.db"

    def _environment(self, home: str) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("LIANDONG_")}
        return ours | {"LIANDONG_VAR": str(self._folder / home), "LIANDONG_PACK": PACK}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("records", type=Path, nargs="?", default=records_path(), help=records_path().name)
    records: Path = options.parse_args().records
    if not records.is_file():
        print(f"replay-boston: there is no {records}; LIANDONG_SHARED_DATA names its folder")
        return 2
    with tempfile.TemporaryDirectory(prefix="replay-boston-") as folder:
        passes = Passes(Path(folder), records)
        found = measure(passes, read_city(records))
    write_report(found, passes.seconds)
    for figure in found:
        print(f"{_verdict(figure):5} {figure.name:62} {figure.bar:>18}  {figure.measured}")
    short = [figure for figure in found if figure.holds is False]
    bars = sum(figure.holds is not None for figure in found)
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in passes.seconds.items())
    print(f"replay-boston: {bars - len(short)} of {bars} bars hold ({took})")
    return 1 if short else 0


def measure(passes: Passes, city: City) -> list[Figure]:
    database = passes.run("A", "a", "--group", "none")
    before, ours = fingerprint(database), read_replayed(database)
    parents = {responder.id: responder.parent for responder in load_pack(find_pack(PACK)).responders}
    passes.run("A again", "a", "--group", "none")
    found = [
        *figures.taken("A", city, ours),
        figures.second_run(before, fingerprint(database)),
        figures.hurricane_day(city, ours.cases),
        *figures.due_times(city, ours.cases),
        *figures.owners(city, ours.cases, parents),
    ]
    ours = read_replayed(passes.run("B", "b", "--group", "none", "--clocks", "file"))
    found += [*figures.taken("B", city, ours), *figures.breaches(city, ours)]
    ours = read_replayed(passes.run("C", "c", "--group", "pack"))
    return [*found, *figures.taken("C", city, ours), *figures.grouping(city, ours.cases)]


def write_report(found: list[Figure], seconds: dict[str, float]) -> None:
    lines = ["| figure | bar | measured | |", "|---|---|---|---|"]
    lines += [f"| {figure.name} | {figure.bar} | {figure.measured} | {_verdict(figure)} |" for figure in found]
    took = ", ".join(f"{name} {each:.0f} s" for name, each in seconds.items())
    lines += ["", f"Times of the last run, on two shared cores, whole path on SQLite with `synchronous=FULL`: {took}."]
    about = _ABOUT.format(rows=figures.ROWS, linked=figures.LINKED_ROWS)
    REPORT.write_text(about + "\n".join(lines) + "\n", encoding="utf-8")


def _verdict(figure: Figure) -> str:
    return {True: "holds", False: "SHORT", None: ""}[figure.holds]


if __name__ == "__main__":
    sys.exit(main())
