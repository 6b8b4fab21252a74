"""`make scale` as people run it: all parts answer, the example department does its work, nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.local.kafka_broker import KafkaUnavailable, fetch_libs, find_java
from deploy.local.postgres_install import PostgresUnavailable, ensure_installed
from tests.conftest import MISSING, PROJECT

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own, kept from one start to the next; skips where a server cannot be had."""
    try:
        find_java()
        fetch_libs()
        ensure_installed()
    except (KafkaUnavailable, PostgresUnavailable) as reason:
        pytest.skip(f"{MISSING}{reason}")
    return tmp_path_factory.mktemp("scale")


@contextmanager
def make_scale(var: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Make in a session of its own, and what scale.json says."""
    environment = {**os.environ, "LIANDONG_VAR": str(var), "LIANDONG_PORT": "0", "WORK_S": "0.5"}
    make = shutil.which("make")
    assert make is not None
    with (var / "out.log").open("wb") as out:
        process = subprocess.Popen(
            [make, "scale"], cwd=PROJECT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process, _told(process, var)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _told(process: subprocess.Popen[bytes], var: Path) -> dict[str, Any]:
    until = time.monotonic() + 90
    while not (var / "scale.json").exists():
        said = (var / "out.log").read_text(encoding="utf-8")
        assert process.poll() is None, said
        assert time.monotonic() < until, said
        time.sleep(0.1)
    told: dict[str, Any] = json.loads((var / "scale.json").read_text(encoding="utf-8"))
    return told


def below(pid: int) -> set[int]:
    """A process and all its descendants; postgres's own included."""
    found = {pid}
    for folder in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            stat = folder.read_text(encoding="ascii", errors="replace")
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found |= below(int(folder.parent.name))
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/exe").exists() and not _is_zombie(pid)}


def _is_zombie(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "Z"
        )
    except OSError:
        return True


def until_resolved(http: str, incident_id: str) -> dict[str, Any]:
    give_up_at = time.monotonic() + 30
    while True:
        shown: dict[str, Any] = httpx.get(f"{http}/api/v1/incidents/{incident_id}", trust_env=False).json()
        if shown["state"] == "resolved":
            return shown
        assert time.monotonic() < give_up_at, shown
        time.sleep(0.2)


def report(http: str, source_id: str, text: str) -> dict[str, Any]:
    body = {"source": "110", "source_id": source_id, "text": text}
    answer = httpx.post(f"{http}/api/v1/reports", json=body, trust_env=False)
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


@pytest.mark.timeout(180)
def test_the_example_department_works_and_sigint_to_make_ends_everything(var: Path) -> None:
    with make_scale(var) as (make, told):
        assert set(told) == {"http", "kafka", "postgres"}
        with psycopg.connect(told["postgres"]) as connection:
            assert connection.execute("SELECT count(*) FROM bundles").fetchone() == (1,)
        assert httpx.get(f"{told['http']}/readyz", trust_env=False).status_code == 200
        lamp = report(told["http"], "l-1", "泰和街21号门前路灯坏了")
        water = report(told["http"], "w-1", "家里停水了")
        assert until_resolved(told["http"], water["incident_id"])["claimed_at"]
        said = (var / "out.log").read_text(encoding="utf-8")
        pages = {name: address for address, name in re.findall(r"metrics +(\S+) of (\w+)", said)}
        claims = 'dispatch_claim_seconds_count{responder="water-works"} 1.0'
        assert claims in httpx.get(pages["worker"], trust_env=False).text  # who commits it counts it
        assert "dispatch_relayed_messages_total" in httpx.get(pages["relay"], trust_env=False).text
        shown = httpx.get(f"{told['http']}/api/v1/incidents/{lamp['incident_id']}", trust_env=False).json()
        assert shown["state"] == "offered"  # the water works claim their own offers only

        family = below(make.pid)
        began = time.monotonic()
        make.send_signal(signal.SIGINT)  # to make alone, which tells nobody
        make.wait(20)
        assert time.monotonic() - began < 15
        assert alive(family) == set()
        assert not (var / "scale.json").exists()


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_killed_worker_comes_back_and_a_second_start_takes_up_the_same_folder(var: Path) -> None:
    with make_scale(var) as (make, told):
        worker = next(
            pid for pid in below(make.pid) if b"liandong\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(worker, signal.SIGKILL)
        until_resolved(told["http"], report(told["http"], "w-2", "家里停水了")["incident_id"])
        family = below(make.pid)
        make.terminate()
        make.wait(20)
        assert alive(family) == set()
    with make_scale(var) as (make, told):
        until_resolved(told["http"], report(told["http"], "w-3", "家里停水了")["incident_id"])
        family = below(make.pid)
        make.kill()  # even so nothing stays: scale ends when make has ended
        until = time.monotonic() + 15
        while alive(family) and time.monotonic() < until:
            time.sleep(0.1)
        assert alive(family) == set()
