"""The private PostgreSQL keeps what it promises: it recovers from a crash and does not outlive us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres_databases import PostgresDatabases, plain_dsn
from deploy.local.postgres_install import PostgresUnavailable, ensure_installed
from deploy.local.postgres_server import PostgresServer
from tests.conftest import MISSING, PROJECT

pytestmark = pytest.mark.postgres

_START_AND_WAIT = """
import time
from deploy.local.postgres_server import PostgresServer
server = PostgresServer(durable=False)
server.start()
print(server.pid, server.folder, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def programs() -> None:
    try:
        ensure_installed()
    except PostgresUnavailable as reason:
        pytest.skip(f"{MISSING}{reason}")


def test_what_was_committed_is_there_after_a_crash_at_the_same_address() -> None:
    with PostgresServer(durable=True) as server:
        url = server.create_database("kept")
        with psycopg.connect(plain_dsn(url)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.crash()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(plain_dsn(url))
        server.start()
        with psycopg.connect(plain_dsn(url)) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
    assert not server.folder.exists()


def test_it_dies_with_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _START_AND_WAIT], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    try:
        os.kill(int(pid), 0)
        parent.kill()
        parent.wait()
        assert _gone_within(int(pid), limit_s=10)
    finally:
        subprocess.run(["rm", "-r", "--", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the server's user cannot reach")
def test_a_folder_that_the_servers_user_cannot_reach_is_left_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(closed / "postgres")
    try:
        assert not server.folder.is_relative_to(closed)
        assert list(closed.iterdir()) == []
    finally:
        server.remove_temporary()


def test_a_database_is_copied_from_its_template_and_dropped_with_its_connections(
    postgres_server: PostgresDatabases, postgres_url: str
) -> None:
    with psycopg.connect(plain_dsn(postgres_url)) as connection:
        connection.execute("CREATE TABLE copied AS SELECT '联动' AS word")
        template = connection.info.dbname
    copy = postgres_server.create(f"{template}_copy", template=template)
    with psycopg.connect(plain_dsn(copy)) as connection:
        assert connection.execute("SELECT word FROM copied").fetchone() == ("联动",)
        connection.commit()
        postgres_server.drop(f"{template}_copy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert f"{template}_copy" not in postgres_server.names()


def test_an_address_keeps_its_password_and_its_options() -> None:
    databases = PostgresDatabases("host=127.0.0.1 port=5433 user=liandong password='a b@c' sslmode=disable")
    kept = {"host": "127.0.0.1", "port": "5433", "user": "liandong", "password": "a b@c", "sslmode": "disable"}
    assert conninfo_to_dict(plain_dsn(databases.url("x"))) == {**kept, "dbname": "x"}


def _gone_within(pid: int, *, limit_s: float) -> bool:
    """Whether the process ends; one that only waits to be reaped has ended."""
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
