"""A process that has imported Liandong and forks a child for each command: `liandong` without its second of imports.

As a program (`python -m tests.warm_parent`) it takes orders as JSON lines and answers each with one line:

    {"words": ["serve"], "environment": {…}, "out": "a path", "err": "a path"}  →  {"pid": 17}
    {"wait": 17}                                                               →  {"status": null | exit code | -signal}

A child does exactly what the console script does, in a session, an environment and with files of its own, and dies
with its parent. `WarmParent` speaks to it; one per test process is enough.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

PROJECT: Final = Path(__file__).resolve().parents[1]


class Child:
    """A forked `liandong`."""

    def __init__(self, parent: WarmParent, pid: int) -> None:
        self._parent = parent
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, -signal when one ended it, None while it runs."""
        if self.returncode is None:
            self.returncode = self._parent.ask({"wait": self.pid})["status"]
        return self.returncode

    def wait(self, timeout: float = 30) -> int:
        give_up_at = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < give_up_at, f"process {self.pid} did not end within {timeout} s"
            time.sleep(0.003)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmParent:
    """Starts children; ended by `close`, they with it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.warm_parent"]
        self._parent = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._speaking = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, words: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> Child:
        order = {"words": list(words), "environment": dict(environment), "out": str(out), "err": str(err)}
        return Child(self, self.ask(order)["pid"])

    def ask(self, order: Mapping[str, object]) -> Any:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with self._speaking:
            self._parent.stdin.write(json.dumps(order) + "\n")
            self._parent.stdin.flush()
            answer = self._parent.stdout.readline()
        assert answer, "the warm parent has ended"
        return json.loads(answer)

    def close(self) -> None:
        self._parent.communicate()


def _become(order: dict[str, Any], parent: int) -> None:
    """The child's first steps."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    for number, (name, mode) in enumerate(
        ((os.devnull, os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY))
    ):
        os.dup2(os.open(name, mode | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["liandong", *order["words"]]


def _waited(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _serve_orders() -> bool:
    """True in a child that is to become `liandong`, False in the parent when nobody orders any more."""
    parent = os.getpid()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer: dict[str, int | None] = {"status": _waited(order["wait"])}
        else:
            pid = os.fork()
            if pid == 0:
                _become(order, parent)
                return True
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return False


def _rehearse() -> None:
    """Whatever is imported late only is imported now; no thread and no open file is left."""
    from dispatcher.bootstrap import open_engine  # noqa: PLC0415 - the test process needs none of it
    from dispatcher.settings import settings_from  # noqa: PLC0415
    from dispatcher.web.app import create_app  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):  # stdout is for answers
        engine = open_engine(settings_from({"LIANDONG_VAR": folder}))
        engine.start(tick=False)
        create_app(engine)
        engine.stop()
    assert threading.active_count() == 1


if __name__ == "__main__":
    from dispatcher.cli import main

    _rehearse()
    if _serve_orders():
        main()
