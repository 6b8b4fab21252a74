"""sse.fanout: a report enters `liandong serve` (SQLite) → its event is read by 200 clients of GET /api/v1/events.

Counted from the moment at which the report is sent, so the way into the store is in it. The clients are one process of
their own. Beside it 200 clients that ask the naive server's journal every 200 ms, as one would write it first.
"""

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Bound, Rounds, Row, percentile
from benchmarks.http_single import Server, naive_command, ours_command, served
from benchmarks.proc import cpu_s
from benchmarks.qinggang_reports import qinggang_bodies

CLIENTS: Final = 200
ROUNDS: Final = 3
EVENTS: Final = 60
_PACE_S: Final = 0.1
_ASK_EVERY_S: Final = 0.2
_AFTERWARDS_S: Final = 2.0  # how long they go on listening, for the late ones
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Way:
    """How one side is asked. `key` names a report in an answer and in what is heard alike."""

    path: str
    key: str
    ask_every_s: float | None


OURS: Final = Way("/api/v1/events", "report_id", None)
THEIRS: Final = Way("/changes", "incident_id", _ASK_EVERY_S)


@dataclass(frozen=True)
class Seen:
    """Milliseconds from sent to read, one per event and client; CPU seconds of the server and of all clients."""

    late_ms: list[float]
    server_cpu_s: float
    client_cpu_s: float
    missed: int


def run() -> list[Row]:
    Path("var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="var") as temporary:
        folder = Path(temporary).absolute()
        with served(ours_command(), folder, "ours") as ours, served(naive_command(folder), folder, "naive") as naive:
            names = [folder / f"r{number}" for number in range(ROUNDS)]
            rounds = [(follow(ours, OURS, name), follow(naive, THEIRS, name)) for name in names]
    return _rows([mine for mine, _ in rounds], [theirs for _, theirs in rounds])


def follow(server: Server, way: Way, out: Path) -> Seen:
    """One round: 200 clients connected, then a report every 100 ms. `out` = where they write what they heard."""
    settings = {
        "host": _HOST,
        "port": server.port,
        "path": way.path,
        "key": way.key,
        "count": CLIENTS,
        "ask_every_s": way.ask_every_s,
        "seconds": EVENTS * _PACE_S + _AFTERWARDS_S,
        "out": str(out),
    }
    command = [sys.executable, "-m", "benchmarks.fanout_listeners", json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        began = cpu_s(server.pid)
        sent = _send(server, way, qinggang_bodies(EVENTS, out.name))
        assert child.wait(timeout=60) == 0
        spent = cpu_s(server.pid) - began
    told: dict[str, Any] = json.loads(out.read_bytes())
    heard = {key: told["heard"].get(key, []) for key in sent}
    late_ms = [(at - sent[key]) * 1e3 for key, instants in heard.items() for at in instants]
    return Seen(late_ms, spent, told["cpu_s"], CLIENTS * EVENTS - len(late_ms))


def _send(server: Server, way: Way, bodies: Sequence[bytes]) -> dict[str, float]:
    """When each report was sent, by its key."""
    line, sent = http.client.HTTPConnection(_HOST, server.port, timeout=30), {}
    began = time.monotonic()
    for number, body in enumerate(bodies):
        time.sleep(max(0.0, began + number * _PACE_S - time.monotonic()))
        at = time.monotonic()
        line.request("POST", "/api/v1/reports", body, {"content-type": "application/json"})
        answer = line.getresponse()
        assert answer.status == 201, answer.status
        sent[str(json.loads(answer.read())[way.key])] = at
    line.close()
    return sent


def _rows(ours: Sequence[Seen], theirs: Sequence[Seen]) -> list[Row]:
    assert not any(seen.missed for seen in ours), [seen.missed for seen in ours]
    p99, naive_p99 = (Rounds.of([percentile(seen.late_ms, 0.99) for seen in rounds]) for rounds in (ours, theirs))
    middle = Rounds.of([percentile(seen.late_ms, 0.5) for seen in ours]).median
    cpu, naive_cpu = (sum(seen.server_cpu_s for seen in rounds) / ROUNDS for rounds in (ours, theirs))
    return [
        Row(
            name="sse.fanout",
            figure=p99.median,
            unit="ms",
            baseline=f"{CLIENTS} clients ask every {_ASK_EVERY_S * 1e3:.0f} ms",
            baseline_figure=naive_p99.median,
            bound=Bound(at_most=300),
            spread=str(p99),
            note=f"median {middle:.0f} ms; server CPU s a round {cpu:.2f}, baseline {naive_cpu:.2f};"
            f" not heard in time: 0, baseline {sum(seen.missed for seen in theirs)}",
        )
    ]
