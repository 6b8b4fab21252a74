"""import.operators: how long an operator's claim takes while `liandong import` runs at full speed into the same server.

Server, import and operator are processes of their own. The same operator claims before the import begins, in turns with
it: that is the baseline.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.figures import Bound, Rounds, Row, percentile
from benchmarks.http_single import ours_command, served
from benchmarks.qinggang_reports import qinggang_bodies

ROUNDS: Final = 3
SECONDS: Final = 5.0
ROWS: Final = 60_000  # of a round's file; what is left when the operator has ended is not read
_CLAIMS_A_ROUND: Final = 1_500
_HOST: Final = "127.0.0.1"
_RESPONDER: Final = "urban-lighting"
_MAPPING: Final = """\
report: {source: source, source_id: source_id, category: category, text: text, area: area, place: place}
"""


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        (folder / "map.yaml").write_text(_MAPPING)
        with served(ours_command(), folder, "ours") as server:
            incidents = _opened(server.port, 2 * ROUNDS * _CLAIMS_A_ROUND)
            pieces = [incidents[start :: 2 * ROUNDS] for start in range(2 * ROUNDS)]
            quiet, busy, rows_per_s = [], [], []
            for number in range(ROUNDS):
                file = _write_file(folder, f"old{number}")
                quiet.append(_operator(server.port, pieces[2 * number]))
                took_ms, per_s = _beside_an_import(folder, file, server.port, pieces[2 * number + 1])
                busy.append(took_ms)
                rows_per_s.append(per_s)
    return _rows(quiet, busy, rows_per_s)


def _write_file(folder: Path, name: str) -> Path:
    """Reports as JSON lines."""
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"\n".join(qinggang_bodies(ROWS, name)))
    return path


def _opened(port: int, count: int) -> list[str]:
    """Incidents to be claimed, one responder's."""
    ids: list[str] = []
    for start in range(0, count, 500):
        lines = [
            json.dumps({"source": "claims", "source_id": str(number), "category": "lighting/streetlight"})
            for number in range(start, start + 500)
        ]
        request = urllib.request.Request(f"http://{_HOST}:{port}/api/v1/reports:batch", "\n".join(lines).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            ids += [result["incident_id"] for result in json.loads(answer.read())]
    return ids


def _operator(port: int, incidents: Sequence[str]) -> list[float]:
    settings = {"host": _HOST, "port": port, "responder": _RESPONDER, "incidents": incidents, "seconds": SECONDS}
    command = [sys.executable, "-m", "benchmarks.claim_client", json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    took_ms: list[float] = json.loads(done.stdout)["took_ms"]
    return took_ms


def _beside_an_import(folder: Path, file: Path, port: int, incidents: Sequence[str]) -> tuple[list[float], float]:
    """The operator's times, and the import's rows a second; the import is stopped afterwards."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("LIANDONG_")}
    env |= {"LIANDONG_VAR": str(folder / "ours"), "LIANDONG_PORT": str(port)}
    command = [ours_command()[0], "import", str(file), "--mapping", str(folder / "map.yaml"), "--json"]
    importing = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not _place(folder, file):
        assert importing.poll() is None, importing.communicate()
        time.sleep(0.01)
    began, first = time.perf_counter(), _place(folder, file)
    took_ms = _operator(port, incidents)
    per_s = (_place(folder, file) - first) / (time.perf_counter() - began)
    assert importing.poll() is None, "the import came to its end too early"
    importing.send_signal(signal.SIGINT)
    _, told = importing.communicate(timeout=30)
    assert b"the same command goes on there" in told, told
    return took_ms, per_s


def _place(folder: Path, file: Path) -> int:
    """The row that the import's mark stands at."""
    for path in (folder / "ours" / "imports").glob(f"{file.name}.*.json"):
        mark: dict[str, Any] = json.loads(path.read_bytes())
        return int(mark["place"])
    return 0


def _rows(quiet: Sequence[list[float]], busy: Sequence[list[float]], rows_per_s: Sequence[float]) -> list[Row]:
    p99, quiet_p99 = (Rounds.of([percentile(each, 0.99) for each in some]) for some in (busy, quiet))
    waits = Rounds.of([mine - theirs for mine, theirs in zip(p99.values, quiet_p99.values, strict=True)])
    medians = [median(took_ms for each in some for took_ms in each) for some in (busy, quiet)]
    return [
        Row(
            name="import.operators",
            figure=p99.median,
            unit="ms",
            baseline="p99 without an import",
            baseline_figure=quiet_p99.median,
            spread=str(p99),
            note=f"median {medians[0]:.1f} ms, without {medians[1]:.1f} ms; {median(rows_per_s):,.0f} rows/s imported",
        ),
        Row("import.operators.wait", waits.median, "ms", bound=Bound(at_most=20), spread=str(waits)),
    ]
