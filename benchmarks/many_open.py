"""start.100k, memory.1m: `liandong serve` as it is, with very many open incidents whose clocks run, on SQLite.

Beside it the way it is often done: the process loads what is open by ORM at its start and arms a timer for each.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.boston_reports import PACK
from benchmarks.figures import Bound, Rounds, Row
from benchmarks.naive_timers import fill
from benchmarks.proc import cpu_s
from benchmarks.seeded import seed
from deploy.local.child_process import end_child, pick_free_ports, start_child

START: Final = 100_000
STARTS: Final = 3
OPEN: Final = 1_000_000
IDLE_S: Final = 20.0
_SETTLE_S: Final = 3.0
_LIMIT_S: Final = 120.0
_HOST: Final = "127.0.0.1"
_BASELINE: Final = "ORM at start, an asyncio timer each"


def start() -> list[Row]:
    """From exec to the first 200 of /readyz."""
    with _folder() as folder:
        seed(folder / "liandong.db", START)
        fill(folder / "naive.db", START)
        ours: list[float] = []
        naive: list[float] = []
        for _ in range(STARTS):
            with _serving(folder) as (_, _, took_s):
                ours.append(took_s)
            with _timers(folder, START) as (_, took_s):
                naive.append(took_s)
    mine, theirs = Rounds.of(ours), Rounds.of(naive)
    row = Row("start.100k", mine.median, "s", _BASELINE, theirs.median, Bound(at_most=3), spread=str(mine))
    return [row]


def memory() -> list[Row]:
    """Resident memory after twenty idle seconds, a few pages and claims; and the CPU of the idle seconds."""
    with _folder() as folder:
        seed(folder / "liandong.db", OPEN)
        fill(folder / "naive.db", OPEN)
        with _serving(folder) as (port, pid, _):
            time.sleep(_SETTLE_S)
            idle = _idle_share(pid)
            quiet_mib = _rss_mib(pid)
            _use(port)
            used_mib = _rss_mib(pid)
        with _timers(folder, OPEN) as (pid, _):
            time.sleep(_SETTLE_S)
            naive_idle = _idle_share(pid)
            naive_mib = _rss_mib(pid)
    note = f"{quiet_mib:.0f} MiB before it was used"
    return [
        Row("memory.1m", used_mib, "MiB", _BASELINE, naive_mib, Bound(at_most=300), note=note),
        Row(
            "memory.1m.idle",
            idle * 1e3,
            "ms",
            "its timers looked through every second",
            naive_idle * 1e3,
            Bound(at_most=10),
            note=f"CPU ms a second, over {IDLE_S:.0f} s; 10 = 1 % of a core",
        ),
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        yield Path(name).absolute()


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[int, int, float]]:
    """Port, pid, and the seconds it took to be ready."""
    port = pick_free_ports(1)[0]
    env = {key: value for key, value in os.environ.items() if not key.startswith("LIANDONG_")}
    env |= {"LIANDONG_VAR": str(folder), "LIANDONG_PORT": str(port), "LIANDONG_PACK": str(PACK)}
    log, began = folder / "serve.log", time.monotonic()
    child = start_child([str(Path(sys.executable).with_name("liandong")), "serve"], log=log, env=env)
    try:
        while not _is_ready(port):
            _insist_on_life(child, began, log)
            time.sleep(0.01)
        yield port, child.pid, time.monotonic() - began
    finally:
        end_child(child, grace_s=15)


@contextmanager
def _timers(folder: Path, count: int) -> Iterator[tuple[int, float]]:
    """Pid of the naive process, and the seconds it took to be ready."""
    ready, log, began = folder / "naive.ready", folder / "naive.log", time.monotonic()
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.naive_timers", str(folder / "naive.db"), str(ready)]
    child = start_child(command, log=log)
    try:
        while not ready.exists():
            _insist_on_life(child, began, log)
            time.sleep(0.01)
        assert int(ready.read_text()) == count
        yield child.pid, time.monotonic() - began
    finally:
        end_child(child, grace_s=15)


def _is_ready(port: int) -> bool:
    try:
        _get(port, "/readyz")
    except OSError:
        return False
    return True


def _insist_on_life(child: subprocess.Popen[bytes], began: float, log: Path) -> None:
    if child.poll() is not None or time.monotonic() - began > _LIMIT_S:
        raise RuntimeError(f"it did not get ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{_HOST}:{port}{path}", timeout=60) as answer:
        told: bytes = answer.read()
        return told


def _use(port: int) -> None:
    """The pages a desk opens, and a claim of each incident on the first."""
    for path in ("/", "/api/v1/incidents?limit=50") * 3:
        _get(port, path)
    for item in json.loads(_get(port, "/api/v1/incidents?limit=50"))["items"]:
        body = json.dumps({"responder": item["offers"][0]["responder"]}).encode()
        url = f"http://{_HOST}:{port}/api/v1/incidents/{item['incident_id']}/claim"
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
    _get(port, "/metrics")


def _idle_share(pid: int) -> float:
    """CPU seconds a second."""
    began, used_s = time.monotonic(), cpu_s(pid)
    time.sleep(IDLE_S)
    return (cpu_s(pid) - used_s) / (time.monotonic() - began)


def _rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
