"""Starting, ending and finding the server: what is wrong is said in a sentence, what is left over does no harm."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.child_process import pick_free_ports
from tests.installation import Installation


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(installation: Installation, number: int) -> None:
    server = installation.start()
    told = json.loads(installation.server_file.read_text(encoding="utf-8"))
    assert (told["url"], told["pid"]) == (installation.base, server.pid)
    assert stat.S_IMODE(installation.server_file.stat().st_mode) == 0o600, "the token is the owner's alone"
    server.send_signal(number)
    assert server.wait(timeout=30) == 0
    assert not installation.server_file.exists()
    assert not list(installation.folder.glob("*-wal")), "the database is closed: its log is folded in"
    assert "Traceback" not in installation.log.read_text(encoding="utf-8")


def test_after_kill_9_it_starts_again_and_has_everything(installation: Installation) -> None:
    server = installation.start()
    taken = installation.said("report", "泰和街21号门前路灯坏了", "--source-id", "1")
    server.kill()
    server.wait()
    assert installation.server_file.exists(), "nobody was left to remove it"
    again = installation.said("report", "泰和街21号门前路灯坏了", "--source-id", "1")
    assert again == taken, "no server, so the file is opened"
    with installation.serving() as http:
        assert http.get(f"/api/v1/incidents/{taken['incident_id']}").json()["state"] == "offered"


def test_another_process_with_the_dead_servers_pid_misleads_nobody(installation: Installation) -> None:
    installation.folder.mkdir()
    dead = {"url": f"http://127.0.0.1:{pick_free_ports(1)[0]}", "token": "an invented token", "pid": os.getpid()}
    installation.server_file.write_text(json.dumps(dead), encoding="utf-8")
    assert installation.said("queue")["items"] == []


@pytest.mark.parametrize("left", ["", "[]", "{", '{"url": 1}', '{"pid": {}}'])
def test_a_broken_server_file_misleads_nobody(installation: Installation, left: str) -> None:
    installation.folder.mkdir()
    installation.server_file.write_text(left, encoding="utf-8")
    assert installation.said("queue")["items"] == []


def test_a_server_file_that_cannot_be_written_is_said_in_a_sentence(installation: Installation) -> None:
    installation.server_file.with_suffix(".new").mkdir(parents=True)
    code, told = installation.refused("serve")
    assert (code, "cannot write" in told) == (1, True), told


def test_a_second_server_on_the_same_file_is_refused(served: Installation) -> None:
    for port in (served.port, pick_free_ports(1)[0]):
        code, said = served.refused("serve", LIANDONG_PORT=str(port))
        assert code == 2
        assert "another Liandong process (pid " in said
        assert "liandong.db" in said
    assert served.server_file.exists(), "the first one's file is untouched"
    assert served.said("queue")["items"] == []


def test_a_port_in_use_is_said(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.port)):
        code, said = installation.refused("serve")
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{installation.port}: Address already in use. Set LIANDONG_PORT" in said
    assert not installation.server_file.exists()


def test_port_0_takes_a_free_one_and_tells_it(installation: Installation) -> None:
    installation.environment["LIANDONG_PORT"] = "0"
    server = installation.launch()
    try:
        while not installation.server_file.exists():
            assert server.poll() is None, installation.log.read_text(encoding="utf-8")
        url = json.loads(installation.server_file.read_text(encoding="utf-8"))["url"]
        assert url.startswith("http://127.0.0.1:")
        assert not url.endswith(":0")
        assert installation.said("queue")["items"] == []
    finally:
        server.kill()
        server.wait()


def test_the_installed_command_is_the_same(installation: Installation) -> None:
    """The others fork it from a warm parent; this is the script that pip made."""
    script = Path(sys.executable).with_name("liandong")
    words = [str(script), "report", "泰和街21号门前路灯坏了", "--source-id", "1", "--json"]
    done = subprocess.run(words, env=installation.environment, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout) == installation.said("report", "泰和街21号门前路灯坏了", "--source-id", "1")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LIANDONG_PORT", "http", "LIANDONG_PORT must be a port number, not 'http'"),
        ("LIANDONG_PORT", "70000", "LIANDONG_PORT must be a port number"),
        ("LIANDONG_LOG_LEVEL", "loud", "LIANDONG_LOG_LEVEL must be one of"),
        ("LIANDONG_PACK", "atlantis", "no pack 'atlantis': neither a folder nor one of boston, qinggang"),
        ("LIANDONG_DATABASE", "my database", "a database is named by a URL such as"),
        ("LIANDONG_DATABASE", "mysql://host/x", "SQLite or PostgreSQL, not in mysql"),
        ("LIANDONG_HOST", "203.0.113.1", "cannot listen on 203.0.113.1"),
    ],
)
def test_a_wrong_setting_is_said(installation: Installation, variable: str, value: str, told: str) -> None:
    _, said = installation.refused("serve", **{variable: value})
    assert told in said


def test_a_folder_that_cannot_be_made_is_named(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for command in ("serve", "queue"):
        _, said = installation.refused(command, LIANDONG_VAR=str(tmp_path / "file" / "var"))
        assert str(tmp_path / "file" / "var") in said


def test_a_database_that_is_away_is_said(installation: Installation) -> None:
    away = f"postgresql+psycopg://nobody:secret@127.0.0.1:{pick_free_ports(1)[0]}/x"
    _, said = installation.refused("queue", LIANDONG_DATABASE=away)
    assert "Connection refused" in said
    assert "secret" not in said


def test_a_file_that_is_no_database_is_said(installation: Installation) -> None:
    installation.folder.mkdir()
    (installation.folder / "liandong.db").write_bytes(b"this is no database" * 100)
    _, said = installation.refused("serve")
    assert "not a database" in said
