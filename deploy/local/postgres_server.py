"""A real private PostgreSQL: one cluster as a child process on a free loopback port, with its own folder.

    with PostgresServer(Path("var/postgres")) as server:
        url = server.create_database("liandong")

`initdb` and `postgres` refuse to run as root; then they run as the user `postgres`, or `nobody` where there is none.
Whoever can open a loopback connection is let in: this is for tests, benchmarks and trying out, not for a county.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg

from deploy.local.child_process import pick_free_ports, start_child
from deploy.local.postgres_databases import PostgresDatabases
from deploy.local.postgres_install import PostgresUnavailable, ensure_installed

_LOGIN: Final = "liandong"
_START_LIMIT_S: Final = 60.0
_STOP_GRACE_S: Final = 30.0
_LONGEST_SOCKET_PATH: Final = 90  # the kernel allows 107 bytes, `.s.PGSQL.65535.lock` included
_SETTINGS: Final = ("max_connections=200", "timezone=UTC", "log_timezone=UTC", "listen_addresses=127.0.0.1")
_FORGETFUL: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """One private cluster. `start` takes 1-5 s; the server dies with the thread that started it."""

    def __init__(self, folder: Path | None = None, *, port: int | None = None, durable: bool = True) -> None:
        """`folder` is made if missing and used again if it holds a cluster; None = a temporary one.

        `durable=False` turns fsync off: for tests that do not ask what a crash leaves behind. Where it is root and the
        server's user cannot reach `folder` (in root's home, say), the cluster lies in a temporary folder instead;
        `self.folder` says where.
        """
        self._user = _server_user()
        self._temporary = folder is None or not _reachable(folder, self._user)
        self.folder = _temporary_folder() if self._temporary or folder is None else folder.resolve()
        self.port = port or pick_free_ports(1)[0]
        self._durable = durable
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove_temporary()

    @property
    def dsn(self) -> str:
        """The plain DSN of the database `postgres`, for psql and psycopg."""
        return f"postgresql://{_LOGIN}@127.0.0.1:{self.port}/postgres"

    @property
    def databases(self) -> PostgresDatabases:
        return PostgresDatabases(self.dsn)

    @property
    def pid(self) -> int:
        """Process id of the postmaster; RuntimeError when it is not started."""
        if self._child is None:
            raise RuntimeError("the server is not running")
        return self._child.pid

    @property
    def log(self) -> Path:
        """What the server wrote to stdout and stderr, appended over restarts."""
        return self.folder / "postgres.log"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make an empty database, or a copy of `template`; returns its SQLAlchemy URL (postgresql+psycopg://…)."""
        return self.databases.create(name, template)

    def start(self) -> None:
        """Make the cluster if the folder is new, start it on the same port as ever, and wait until it answers.

        Raises PostgresUnavailable; then nothing is left running.
        """
        if self._child is not None:
            raise RuntimeError("the server is running already")
        programs = ensure_installed()
        self._user = _server_user()  # installing the package brings the user `postgres`
        self._make_cluster(programs)
        command = [str(programs / "postgres"), "-D", str(self._cluster), *self._settings()]
        self._child = start_child(self._as_user(command), log=self.log, cwd=self.folder, env=_environment())
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.crash()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is on disk; by force after 30 s."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Immediate shutdown: no checkpoint, nothing flushed; the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def remove_temporary(self) -> None:
        """Remove the folder if it was ours to choose; the server must be stopped."""
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.send_signal(how)
        try:
            child.wait(timeout=_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _make_cluster(self, programs: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        if (self._cluster / "PG_VERSION").exists():
            return
        options = ["--username", _LOGIN, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        options += [] if self._durable else ["--no-sync"]
        command = self._as_user([str(programs / "initdb"), "-D", str(self._cluster), *options])
        done = subprocess.run(
            command, cwd=self.folder, env=_environment(), capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            shutil.rmtree(self._cluster, ignore_errors=True)
            raise PostgresUnavailable(f"initdb failed in {self.folder}: {' / '.join(done.stderr.splitlines()[-5:])}")

    def _settings(self) -> list[str]:
        sockets = self.folder if len(os.fsencode(self.folder)) <= _LONGEST_SOCKET_PATH else ""
        settings = [*_SETTINGS, f"port={self.port}", f"unix_socket_directories={sockets}"]
        settings += () if self._durable else _FORGETFUL
        return [word for setting in settings for word in ("-c", setting)]

    def _as_user(self, command: list[str]) -> list[str]:
        """The command under the server's user; a change of user drops the death signal, so it is set again."""
        if self._user is None:
            return command
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise PostgresUnavailable("install setpriv (Debian: util-linux): PostgreSQL refuses to run as root")
        user = [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return [setpriv, "--pdeathsig", "KILL", *user, *command]

    def _wait_until_it_answers(self) -> None:
        give_up_at = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < give_up_at:
            if self._child is None or self._child.poll() is not None:
                raise PostgresUnavailable(f"PostgreSQL ended while starting:\n{self._last_lines()}")
            try:
                psycopg.connect(self.dsn, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise PostgresUnavailable(f"PostgreSQL did not answer within {_START_LIMIT_S:.0f} s:\n{self._last_lines()}")

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None = ourselves."""
    if os.geteuid() != 0:
        return None
    by_name = {entry.pw_name: entry for entry in pwd.getpwall()}
    return by_name.get("postgres") or by_name["nobody"]


def _reachable(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Whether `user` may walk down to `folder`, as far as that path exists."""
    if user is None:
        return True
    parents = [parent.stat() for parent in folder.resolve().parents if parent.exists()]
    return all(found.st_mode & 0o001 or (found.st_uid == user.pw_uid and found.st_mode & 0o100) for found in parents)


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="liandong-postgres-"))


def _environment() -> dict[str, str]:
    """Ours without PGDATA, PGPORT and the like, which the server's programs would obey."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
