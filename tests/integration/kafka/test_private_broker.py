"""The private broker: what it says when it cannot be had, that it cannot outlive us, that a crash loses nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from deploy.local.child_process import end_child, pick_free_ports, start_child
from deploy.local.kafka_broker import KafkaBroker, KafkaUnavailable, fetch_libs, find_java

PROJECT = Path(__file__).resolve().parents[3]


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Make `name` the only program on the PATH besides the shell."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def test_without_java_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(KafkaUnavailable, match="install Java 17 and Maven"):
        KafkaBroker(tmp_path / "broker").start()


@pytest.mark.parametrize(("shown", "major"), [("11.0.2", 11), ("1.8.0_402", 8)])
def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str, major: int) -> None:
    pretend(tmp_path, monkeypatch, "java", f"echo 'openjdk version \"{shown}\"' >&2")
    with pytest.raises(KafkaUnavailable, match=f"install Java 17 and Maven.*is Java {major}"):
        find_java()


def test_jars_that_cannot_be_had_are_told_with_mavens_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_KAFKA_LIBS", str(tmp_path / "libs"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KafkaUnavailable, match="no `mvn`"):
        fetch_libs()
    pretend(tmp_path, monkeypatch, "mvn", "echo 'Could not resolve artifact'; exit 1")
    with pytest.raises(KafkaUnavailable, match="Could not resolve artifact"):
        fetch_libs()
    assert not (tmp_path / "libs").exists()


def test_two_who_fetch_at_once_get_one_whole_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_KAFKA_LIBS", str(tmp_path / "libs"))
    slow_mvn = f"echo run >> {tmp_path}/runs; /bin/sleep 0.5; /bin/mkdir libs; echo jar > libs/kafka.jar"
    pretend(tmp_path, monkeypatch, "mvn", slow_mvn)
    code = "from deploy.local.kafka_broker import fetch_libs; print((fetch_libs() / 'kafka.jar').read_text())"
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [one.communicate(timeout=30)[0].strip() for one in both] == ["jar", "jar"]
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "run\n"


def alive(pid: int) -> bool:
    """A zombie that nobody has collected yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a killed parent")
def test_a_child_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from deploy.local.child_process import start_child
print(start_child(["sleep", "60"], log=pathlib.Path({str(tmp_path / "log")!r})).pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 5
    while alive(child):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = start_child(["sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait; wait"], log=tmp_path / "log")
    while "ready" not in (tmp_path / "log").read_text(encoding="utf-8"):
        time.sleep(0.02)
    assert end_child(child, grace_s=0.2) == -signal.SIGKILL
    os.killpg(child.pid, signal.SIGKILL)  # the shell's own sleep


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    ports = pick_free_ports(2)
    assert len(set(ports)) == 2
    assert max(ports) < lowest


@pytest.mark.slow
@pytest.mark.kafka
def test_a_crash_loses_nothing_and_the_address_stays(tmp_path: Path, kafka_bootstrap: str) -> None:
    assert kafka_bootstrap  # where no broker can be had, this is skipped like the others
    with KafkaBroker(tmp_path) as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        admin.close()
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        producer.send("kept", value=b"report").get(timeout=10)
        producer.close()
        address = broker.bootstrap
        broker.kill()
        broker.restart()
        assert broker.bootstrap == address
        consumer = KafkaConsumer(
            "kept", bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=10_000
        )
        assert next(iter(consumer)).value == b"report"
        consumer.close()
