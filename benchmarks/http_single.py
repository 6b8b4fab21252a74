"""http.single: `liandong serve` as it is on a fresh SQLite, 32 connections, one report per request, all durable."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import func, select

from benchmarks.figures import Bound, Rounds, Row
from benchmarks.naive_dispatcher import NaiveReport, durable_engine
from benchmarks.proc import cpu_s
from deploy.local.child_process import end_child, pick_free_ports, start_child
from dispatcher.bootstrap import find_pack
from dispatcher.store import Store, tables

CONNECTIONS: Final = 32
ROUNDS: Final = 5
SECONDS: Final = 4.0
PACK: Final = "qinggang"
_START_LIMIT_S: Final = 60.0
_HOST: Final = "127.0.0.1"
_MOST_PER_S: Final = 6_000  # requests prepared for a round


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name).absolute()
        with served(ours_command(), folder, "ours") as ours, served(naive_command(folder), folder, "naive") as naive:
            load(ours, "warm", 1), load(naive, "warm", 1)
            rounds = [(load(ours, f"r{number}"), load(naive, f"r{number}")) for number in range(ROUNDS)]
        _insist_on_all(folder, [mine for mine, _ in rounds], [theirs for _, theirs in rounds])
    return _rows([mine for mine, _ in rounds], [theirs for _, theirs in rounds])


def ours_command() -> list[str]:
    return [str(Path(sys.executable).with_name("liandong")), "serve"]


def naive_command(folder: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "benchmarks.naive_server",
        "{port}",
        f"sqlite:///{folder}/naive.db",
        str(find_pack(PACK)),
    ]


class Server:
    """A running server: where it listens, and its process."""

    def __init__(self, port: int, child: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.pid = child.pid


@contextmanager
def served(command: Sequence[str], folder: Path, name: str) -> Iterator[Server]:
    """A server as a child process, from when it is ready; ended with SIGTERM."""
    port, var = pick_free_ports(1)[0], folder / name
    env = {key: value for key, value in os.environ.items() if not key.startswith("LIANDONG_")}
    env |= {"LIANDONG_VAR": str(var), "LIANDONG_PORT": str(port), "LIANDONG_PACK": PACK}
    log = folder / f"{name}.log"
    child = start_child([part.replace("{port}", str(port)) for part in command], log=log, env=env)
    try:
        _wait_until_ready(port, child, log)
        yield Server(port, child)
    finally:
        end_child(child, grace_s=15)


def _wait_until_ready(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + _START_LIMIT_S
    while child.poll() is None and time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not get ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def load(server: Server, source: str, seconds: float = SECONDS) -> dict[str, Any]:
    """What the client saw in one round, and the server's CPU seconds beside it."""
    settings = {
        "host": _HOST,
        "port": server.port,
        "path": "/api/v1/reports",
        "connections": CONNECTIONS,
        "seconds": seconds,
        "requests": int(_MOST_PER_S * seconds),
        "source": source,
    }
    began = cpu_s(server.pid)
    command = [sys.executable, "-m", "benchmarks.http_load", json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + _START_LIMIT_S)
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["refused"] == 0, seen
    return seen | {"server_cpu_s": cpu_s(server.pid) - began}


def _insist_on_all(folder: Path, ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> None:
    """Every 201 is a row that is there after the server has ended."""
    sources = [f"r{number}" for number in range(ROUNDS)]
    store = Store.open(f"sqlite:///{folder}/ours/liandong.db")
    with store.reading() as connection:
        kept = connection.execute(select(func.count()).select_from(tables.reports)).scalar_one()
    store.close()
    assert kept >= sum(seen["count"] for seen in ours), kept
    engine = durable_engine(f"sqlite:///{folder}/naive.db")
    with engine.connect() as connection:
        answered = select(func.count()).select_from(NaiveReport).where(NaiveReport.source.in_(sources))
        assert connection.execute(answered).scalar_one() == sum(seen["count"] for seen in theirs)
    engine.dispose()


def _rows(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> list[Row]:
    pace, naive = (Rounds.of([seen["count"] / seen["took_s"] for seen in rounds]) for rounds in (ours, theirs))
    p99, naive_p99 = (Rounds.of([seen["p99_ms"] for seen in rounds]) for rounds in (ours, theirs))
    cpu, naive_cpu = (
        median(seen["server_cpu_s"] / seen["count"] * 1e6 for seen in rounds) for rounds in (ours, theirs)
    )
    client = median(seen["cpu_s"] / seen["count"] * 1e6 for seen in ours)
    baseline = "Litestar, one ORM session per request"
    return [
        Row(
            name="http.single",
            figure=pace.median,
            unit="/s",
            baseline=baseline,
            baseline_figure=naive.median,
            bound=Bound(at_least=1_000),
            spread=str(pace),
            note=f"CPU µs per report {cpu:.0f}, baseline {naive_cpu:.0f}, client {client:.0f}",
        ),
        Row(
            name="http.single.p99",
            figure=p99.median,
            unit="ms",
            baseline=baseline,
            baseline_figure=naive_p99.median,
            bound=Bound(at_most=60),
            spread=str(p99),
            note=f"median {median(seen['p50_ms'] for seen in ours):.1f} ms",
        ),
    ]
