"""Start `faust_worker.py` as a child and read what it tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

SETTINGS: dict[str, Any] = {
    "out": None,
    "within_s": 0.02,
    "session_timeout_s": 15,
    "heartbeat_interval_s": 3,
    "hold": False,
    "tell_ids": False,
    "watchdog_s": 25,
}


class Worker:
    """One worker process; `lines` grows while it runs."""

    def __init__(self, log: Path, **settings: Any) -> None:  # noqa: ANN401 - handed on as JSON
        self.lines: list[dict[str, Any]] = []
        command = [sys.executable, "-m", "benchmarks.kafka_day_one.faust_worker", json.dumps(SETTINGS | settings)]
        with log.open("ab") as errors:
            self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            if line.startswith("{"):
                self.lines.append(json.loads(line))

    def told(self, what: str) -> list[dict[str, Any]]:
        """All lines of one kind so far."""
        return [line for line in self.lines if line["what"] == what]

    def count(self) -> int:
        """Events handled so far."""
        return sum(line["count"] for line in self.told("batch"))

    def wait(self, condition: Callable[[], bool], limit_s: float = 30) -> None:
        """Until the condition holds; RuntimeError after `limit_s`."""
        until = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"waited {limit_s} s in vain; last: {self.lines[-3:]}")
            time.sleep(0.01)

    def wait_assigned(self) -> None:
        """Until the worker has its partitions."""
        self.wait(lambda: bool(self.told("assigned")))

    def terminate(self, limit_s: float = 60) -> tuple[float, int | None]:
        """SIGTERM; seconds until the end and the exit code, None when it had not ended after `limit_s`."""
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        try:
            code: int | None = self.child.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            code = None
        return time.monotonic() - began, code

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
