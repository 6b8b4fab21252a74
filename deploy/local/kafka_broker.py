"""A real private Kafka broker: one KRaft node as a child process on free loopback ports, with its own folder.

    with KafkaBroker(Path("var/kafka")) as broker:
        KafkaProducer(bootstrap_servers=broker.bootstrap)

Needs Java 17 or newer; Maven once, to fetch the jars named in deploy/kafka/pom.xml into var/cache (or the folder in
LIANDONG_KAFKA_LIBS). Everything the broker writes, its log included, lies in the given folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.child_process import end_child, pick_free_ports, start_child

_PROJECT: Final = Path(__file__).resolve().parents[2]
_POM: Final = _PROJECT / "deploy" / "kafka" / "pom.xml"
_TEMPLATE: Final = _PROJECT / "deploy" / "kafka" / "server.properties.template"
_INSTALL: Final = "install Java 17 and Maven (Debian: openjdk-17-jre-headless maven)"
_OLDEST_JAVA: Final = 17
_START_LIMIT_S: Final = 60.0
_STOP_GRACE_S: Final = 20.0
_FETCH_LIMIT_S: Final = 600.0
# C1 only and the serial collector: a quick start and little memory count more here than peak throughput.
_JVM: Final = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_JVM_LOG: Final = ("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")


class KafkaUnavailable(RuntimeError):
    """No broker can be had on this machine; the text says what to install or what went wrong."""


class KafkaBroker:
    """One private broker; it dies with the thread that started it.

    `start` takes 3-5 s; after a crash about 12 s, since the node waits until the controller has forgotten its former
    self. (A shorter broker.session.timeout.ms shortens that, but a busy machine then fences a healthy broker.)
    """

    def __init__(self, folder: Path, *, ports: tuple[int, int] | None = None) -> None:
        """`folder` is made if missing and used again if it holds a broker's data; `ports` = (clients, controller)."""
        self.folder = folder.resolve()
        broker_port, controller_port = ports or tuple(pick_free_ports(2))
        self.bootstrap = f"127.0.0.1:{broker_port}"
        self._ports = {"broker_port": broker_port, "controller_port": controller_port}
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the running broker; RuntimeError when it is not started."""
        if self._child is None:
            raise RuntimeError("the broker is not running")
        return self._child.pid

    @property
    def log(self) -> Path:
        """What the broker wrote to stdout and stderr, appended over restarts."""
        return self.folder / "broker.log"

    def start(self) -> None:
        """Fetch the jars if needed, format the folder if new, start, and wait until the broker answers.

        Raises KafkaUnavailable; then nothing is left running.
        """
        if self._child is not None:
            raise RuntimeError("the broker is running already")
        java = find_java()
        libs = fetch_libs()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self._write_properties()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, libs, properties)
        command = [java, *_JVM, *_JVM_LOG, "-cp", f"{libs}/*", "kafka.Kafka", str(properties)]
        self._child = start_child(command, log=self.log, cwd=self.folder)
        try:
            self._wait_until_it_answers(self._child)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Clean shutdown (SIGTERM), by force after 20 s."""
        if self._child is not None:
            end_child(self._child, grace_s=_STOP_GRACE_S)
            self._child = None

    def kill(self) -> None:
        """SIGKILL: the crash that tests want."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def restart(self) -> None:
        """Stop if running, then start on the same ports and folder."""
        self.stop()
        self.start()

    def _write_properties(self) -> Path:
        path = self.folder / "server.properties"
        text = Template(_TEMPLATE.read_text(encoding="utf-8"))
        path.write_text(text.substitute(self._ports, log_dir=self.folder / "data"), encoding="utf-8")
        return path

    def _format(self, java: str, libs: Path, properties: Path) -> None:
        tool = [java, *_JVM, "-cp", f"{libs}/*", "kafka.tools.StorageTool"]
        cluster_id = _run([*tool, "random-uuid"]).split()[-1]
        _run([*tool, "format", "--standalone", "-t", cluster_id, "-c", str(properties)])

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < give_up_at:
            if child.poll() is not None:
                raise KafkaUnavailable(f"the Kafka broker ended while starting:\n{_tail(self.log)}")
            if _answers(self.bootstrap):
                return
            time.sleep(0.1)
        raise KafkaUnavailable(f"the Kafka broker did not answer within {_START_LIMIT_S:.0f} s:\n{_tail(self.log)}")


def find_java() -> str:
    """Path of a Java 17+ (JAVA_HOME first, then PATH); KafkaUnavailable if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        raise KafkaUnavailable(f"{_INSTALL}: there is no `java` on this machine")
    version = _java_version(java)
    if version < _OLDEST_JAVA:
        raise KafkaUnavailable(f"{_INSTALL}: `{java}` is Java {version}")
    return java


def fetch_libs() -> Path:
    """Folder with the broker's jars, fetched by Maven when missing; KafkaUnavailable if they cannot be had.

    Several processes may call this at once: one fetches under a lock, and the folder appears whole by a rename.
    """
    given = os.environ.get("LIANDONG_KAFKA_LIBS")
    libs = Path(given) if given else _PROJECT / "var" / "cache" / f"kafka-libs-{_kafka_version()}"
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with (libs.parent / f".{libs.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not libs.is_dir():
            _fetch_with_maven(libs)
    return libs


def _fetch_with_maven(libs: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise KafkaUnavailable(f"{_INSTALL}: there is no `mvn` to fetch the broker's jars")
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix=f".{libs.name}.") as parts:
        shutil.copy(_POM, parts)
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]
        _run([mvn, "-q", "-B", *copy], cwd=Path(parts))
        (Path(parts) / "libs").rename(libs)


def _kafka_version() -> str:
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", _POM.read_text(encoding="utf-8"))
    if found is None:
        raise KafkaUnavailable(f"{_POM} names no kafka.version")
    return found[1]


def _java_version(java: str) -> int:
    """Major version; Java 8 calls itself 1.8."""
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', shown)
    return int(found[1]) if found else 0


def _run(argv: list[str], cwd: Path | None = None) -> str:
    """Run to the end and return stdout; a failure becomes KafkaUnavailable with the last lines it wrote."""
    name = Path(argv[0]).name
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_FETCH_LIMIT_S, cwd=cwd)
    except subprocess.TimeoutExpired as late:
        raise KafkaUnavailable(f"{_INSTALL}: `{name}` did not end within {_FETCH_LIMIT_S:.0f} s") from late
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise KafkaUnavailable(f"{_INSTALL}: `{name}` failed: {' / '.join(said)}")
    return done.stdout


def _answers(bootstrap: str) -> bool:
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1_000, request_timeout_ms=3_000)
    except (KafkaError, OSError):
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
