"""One program of `make scale`: started, started again when it dies, asked whether it answers, ended."""

from __future__ import annotations

import http.client
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.child_process import end_child, start_child

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0


class Part:
    """A child process with a log; `answers` says whether it works, once it does it is not asked again."""

    def __init__(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path, answers: Callable[[], bool]
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._environment = environment
        self._log = log
        self._asks = answers
        self._answered = False
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._start_again_at = 0.0

    def start(self) -> None:
        """Start with an empty log (a restart goes on with it)."""
        self._log.unlink(missing_ok=True)
        self._start()

    def tend(self) -> None:
        """Start again what died, each time after a longer pause unless it ran for a minute."""
        now = time.monotonic()
        if self._child is not None and self._child.poll() is not None:
            if now - self._started_at > _STEADY_S:
                self._pause_s = _FIRST_PAUSE_S
            code, self._child = self._child.returncode, None
            print(f"{self.name} ended with {code}; again in {self._pause_s:.0f} s; see {self._log}", flush=True)
            self._start_again_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        elif self._child is None and now >= self._start_again_at:
            self._start()

    def answers(self) -> bool:
        if not self._answered:
            self._answered = self._child is not None and self._child.poll() is None and self._asks()
        return self._answered

    def end_within(self, grace_s: float) -> Callable[[], None]:
        """An action that ends the program: SIGTERM, then SIGKILL."""

        def end() -> None:
            if self._child is not None:
                end_child(self._child, grace_s=grace_s)

        return end

    def _start(self) -> None:
        self._child = start_child(self._argv, log=self._log, env=self._environment)
        self._started_at = time.monotonic()


def answers_http(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == http.client.OK)
    except (OSError, urllib.error.URLError, http.client.HTTPException):
        return False


def have_members(bootstrap: str, *groups: str) -> bool:
    """Whether each group has settled, and has a member with partitions."""
    try:
        with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
            described = admin.describe_groups(list(groups)).values()
    except (KafkaError, OSError):
        return False
    return all(group["group_state"] == "Stable" and group["members"] for group in described)
