"""path.embedded: the whole path on SQLite, WAL with synchronous=FULL."""

import tempfile
from pathlib import Path

from benchmarks.figures import Row
from benchmarks.whole_path import compare


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        ours, naive = f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/naive.db"
        return compare("path.embedded", ours, naive, per_s=10_000, times=10)
