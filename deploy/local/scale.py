"""`make scale`: PostgreSQL, Kafka, server, worker, relay and one department's adapter on loopback, in the foreground.

Ends everything on SIGTERM or SIGINT, or when the process that started it ends. A program of ours that dies is started
again, after 1, 2, 4 … 30 s; PostgreSQL or Kafka dying ends the whole with a sentence. Data stay in var/scale.
When topics exist and every part answers, var/scale.json says where: {"http", "kafka", "postgres"}.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from deploy.local.child_process import pick_free_ports
from deploy.local.kafka_broker import KafkaBroker, KafkaUnavailable
from deploy.local.postgres_install import PostgresUnavailable
from deploy.local.postgres_server import PostgresServer
from deploy.local.scale_parts import Part, answers_http, have_members

PROJECT: Final = Path(__file__).resolve().parents[2]
LIANDONG: Final = str(Path(sys.executable).with_name("liandong"))
_TURN_S: Final = 0.5
_PARTS_GRACE_S: Final = 7.0
_SERVERS_GRACE_S: Final = 6.0


class Told(BaseException):
    """SIGTERM or SIGINT came; no `except Exception` on the way may swallow it."""


class Broken(RuntimeError):
    """It cannot go on; the text says why."""


class Scale:
    """All parts. Made, started and tended in one thread: children die with the thread that started them."""

    def __init__(self, var: Path, http_port: int) -> None:
        self.var = var
        self.folder = var / "scale"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.postgres = PostgresServer(self.folder / "postgres", durable=True)
        self.kafka = KafkaBroker(self.folder / "kafka")
        free = pick_free_ports(3)
        self.http_port = http_port or free[0]
        self.metrics_ports = {"worker": free[1], "relay": free[2]}
        self.parts: list[Part] = []
        self.told_at = var / "scale.json"

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything is; `postgres` is a URL that psql, psycopg and LIANDONG_DATABASE take alike."""
        return {
            "http": f"http://127.0.0.1:{self.http_port}",
            "kafka": self.kafka.bootstrap,
            "postgres": self.postgres.databases.url("liandong").replace("+psycopg", "", 1),
        }

    def start(self) -> None:
        """Servers, then topics, then our programs."""
        self.told_at.unlink(missing_ok=True)
        say("PostgreSQL …")
        self.postgres.start()
        if "liandong" not in self.postgres.databases.names():
            self.postgres.create_database("liandong")
        if self.folder not in self.postgres.folder.parents:
            say(f"the server's user cannot reach {self.var}: its data lie in {self.postgres.folder} and go at the end")
        say("Kafka …")
        self.kafka.start()
        environment = self._environment()
        self._create_topics(environment)
        self.parts = self._make_parts(environment)
        for part in self.parts:
            part.start()

    def tend(self) -> None:
        """One look at everything: restart what died, and say when all answer for the first time."""
        for name, server in (("PostgreSQL", self.postgres), ("Kafka", self.kafka)):
            if not _lives(server.pid):
                raise Broken(f"{name} has ended; its log is {server.log}")
        for part in self.parts:
            part.tend()
        if not self.told_at.exists() and all(part.answers() for part in self.parts):
            self._tell()

    def end(self) -> None:
        """End everything, ours first, within 15 s."""
        self.told_at.unlink(missing_ok=True)
        _all_at_once([part.end_within(_PARTS_GRACE_S) for part in self.parts])
        _all_at_once([_stopped(self.kafka), _stopped(self.postgres)])
        self.postgres.remove_temporary()

    def _environment(self) -> dict[str, str]:
        ours = {
            "LIANDONG_DATABASE": self.addresses["postgres"],
            "LIANDONG_KAFKA": self.kafka.bootstrap,
            "LIANDONG_HOST": "127.0.0.1",
            "LIANDONG_PORT": str(self.http_port),
            "LIANDONG_VAR": str(self.var),
        }
        return {**os.environ, **ours}

    def _create_topics(self, environment: Mapping[str, str]) -> None:
        say("topics …")
        done = subprocess.run(
            [LIANDONG, "topics", "create"], env=dict(environment), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Broken(f"`liandong topics create` failed: {done.stderr.strip()}")

    def _make_parts(self, environment: Mapping[str, str]) -> list[Part]:
        adapter = str(PROJECT / "deploy" / "examples" / "department_adapter.py")
        commands: dict[str, list[str]] = {
            "serve": [LIANDONG, "serve"],
            "worker": [LIANDONG, "worker"],
            "relay": [LIANDONG, "relay"],
            "water-works": [sys.executable, adapter],
        }
        logs = {name: self.folder / f"{name}.log" for name in commands}
        answers: dict[str, Callable[[], bool]] = {
            "serve": lambda: answers_http(f"{self.addresses['http']}/readyz"),
            "worker": lambda: have_members(self.kafka.bootstrap, "liandong.intake", "liandong.commands"),
            "relay": lambda: answers_http(f"http://127.0.0.1:{self.metrics_ports['relay']}/metrics"),
            "water-works": lambda: have_members(self.kafka.bootstrap, "adapter.water-works"),
        }
        ports = {name: {"LIANDONG_METRICS_PORT": str(port)} for name, port in self.metrics_ports.items()}
        return [
            Part(name, argv, {**environment, **ports.get(name, {})}, logs[name], answers[name])
            for name, argv in commands.items()
        ]

    def _tell(self) -> None:
        fresh = self.told_at.with_suffix(".new")
        fresh.write_text(json.dumps(self.addresses) + "\n", encoding="utf-8")
        fresh.replace(self.told_at)
        for name, address in self.addresses.items():
            say(f"{name:<9} {address}")
        for name, port in {"serve": self.http_port, **self.metrics_ports}.items():
            say(f"metrics   http://127.0.0.1:{port}/metrics of {name}")
        say(f"everything answers; logs are in {self.folder}; Ctrl-C ends it")


class Starter:
    """The process that started us. When it ends, so do we.

    `make` passes a SIGINT that only it got to nobody and waits for us; it can be seen to catch SIGINT no longer.
    """

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._caught = self._catches_sigint()

    def has_ended(self) -> bool:
        return os.getppid() != self._pid or (self._caught and not self._catches_sigint())

    def _catches_sigint(self) -> bool:
        try:
            status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return False
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
        return bool(int(caught.split()[1], 16) & 1 << (signal.SIGINT - 1))


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Run until told to end; exit code 1 when a part could not be had."""
    starter = Starter()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _tell_once)
    var = Path(os.environ.get("LIANDONG_VAR", PROJECT / "var")).resolve()
    scale = Scale(var, int(os.environ.get("LIANDONG_PORT", "8311")))
    code = 0
    try:
        scale.start()
        while not starter.has_ended():
            scale.tend()
            time.sleep(_TURN_S)
    except Told:
        pass
    except (Broken, KafkaUnavailable, PostgresUnavailable) as reason:
        print(reason, file=sys.stderr, flush=True)
        code = 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        say("ending …")
        scale.end()
    sys.exit(code)


def _tell_once(_number: int, _frame: FrameType | None) -> None:
    raise Told


def _lives(pid: int) -> bool:
    """Whether the child runs; one that ended and was not yet waited for counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _stopped(server: KafkaBroker | PostgresServer) -> Callable[[], None]:
    """Stop a server, by force when it takes too long."""

    def stop() -> None:
        try:
            pid = server.pid
        except RuntimeError:  # never started
            return
        by_force = threading.Timer(_SERVERS_GRACE_S, os.kill, (pid, signal.SIGKILL))
        by_force.start()
        server.stop()
        by_force.cancel()

    return stop


def _all_at_once(actions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
