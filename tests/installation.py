"""Liandong as a user has it: a folder, a port, and what is typed in a terminal."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from deploy.local.child_process import pick_free_ports
from tests.warm_parent import Child, WarmParent

_START_LIMIT_S: Final = 60.0


@dataclass
class Typed:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


class Installation:
    """One folder and one port; `environment` adds to LIANDONG_VAR and LIANDONG_PORT."""

    def __init__(self, warm: WarmParent, folder: Path, **environment: str) -> None:
        self._warm = warm
        self._count = itertools.count()
        self.folder = folder
        self.port = pick_free_ports(1)[0]
        self.log = folder.with_name(f"{folder.name}.log")
        given = {name: value for name, value in os.environ.items() if not name.startswith("LIANDONG_")}
        mine = {"LIANDONG_VAR": str(folder), "LIANDONG_PORT": str(self.port), "COLUMNS": "200"}
        self.environment = given | mine | environment

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def server_file(self) -> Path:
        return self.folder / "server.json"

    def typed(self, *words: str, **environment: str) -> Typed:
        """`liandong WORDS…` to its end."""
        out, err = (self.log.with_suffix(f".{next(self._count)}") for _ in range(2))
        child = self._warm.start(words, self.environment | environment, out, err)
        code = child.wait(60)
        return Typed(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def said(self, *words: str) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self.typed(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str, **environment: str) -> tuple[int, str]:
        """Exit code and the words of a command that must fail; a traceback is never what a user gets."""
        done = self.typed(*words, **environment)
        told = done.stdout + done.stderr
        assert done.returncode != 0, told
        assert "Traceback" not in told, told
        return done.returncode, told

    def launch(self, *words: str) -> Child:
        """`liandong serve`, or what the words say, just started."""
        return self._warm.start(words or ["serve"], self.environment, self.log, self.log)

    def start(self) -> Child:
        """`liandong serve`, answering."""
        server = self.launch()
        self.wait_until_ready(server)
        return server

    def wait_until_ready(self, server: Child) -> None:
        give_up_at = time.monotonic() + _START_LIMIT_S
        while not self.is_ready():
            assert server.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < give_up_at, f"no answer at {self.base} within {_START_LIMIT_S:.0f} s"
            time.sleep(0.02)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        """A running server, ended by SIGTERM as an operator would; that must be graceful."""
        server = self.start()
        try:
            with httpx.Client(base_url=self.base, trust_env=False, timeout=30) as client:
                yield client
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0, self.log.read_text(encoding="utf-8")
        finally:
            server.kill()
            server.wait()
