"""The real parts that tests run against, and what happens where one is missing.

| variable | meaning |
|---|---|
| LIANDONG_TEST_POSTGRES | plain DSN of a server on which databases may be created; else a private one is started |
| LIANDONG_TEST_KAFKA | host:port of a broker on which topics may be created; else a private one is started |
| LIANDONG_SHARED_DATA | folder with the real data; else `../shared/data` beside the checkout |
| LIANDONG_TEST_PICTURES | folder that keeps the browser tests' pictures; else each test's own |
| LIANDONG_REQUIRE_REAL | 1 = a test that was skipped for want of a real part has failed (continuous integration) |
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from deploy.local.kafka_broker import KafkaBroker, KafkaUnavailable
from deploy.local.postgres_databases import PostgresDatabases
from deploy.local.postgres_install import PostgresUnavailable
from deploy.local.postgres_server import PostgresServer
from tests.shared_part import shared_part
from tests.warm_parent import WarmParent

PROJECT: Final = Path(__file__).resolve().parents[1]
MISSING: Final = "REAL PART MISSING: "
_MARKER_OF_FIXTURE: Final = {
    "postgres_server": "postgres",
    "kafka_bootstrap": "kafka",
    "browser": "browser",
    "shared_data": "shared_data",
}


# ── real parts ────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder common to all processes of this test run."""
    mine = tmp_path_factory.getbasetemp()
    return mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> Iterator[PostgresDatabases]:
    """A real PostgreSQL, one for the whole run."""
    given = os.environ.get("LIANDONG_TEST_POSTGRES")
    if given:
        yield PostgresDatabases(given)
        return
    try:
        with shared_part(run_folder, "postgres", _private_postgres) as dsn:
            yield PostgresDatabases(dsn)
    except PostgresUnavailable as reason:
        pytest.skip(f"{MISSING}{reason}")


@contextmanager
def _private_postgres() -> Iterator[str]:
    with PostgresServer(durable=False) as server:
        yield server.dsn


@pytest.fixture
def postgres_url(postgres_server: PostgresDatabases) -> Iterator[str]:
    """SQLAlchemy URL of an empty database of this test's own, dropped afterwards."""
    name = f"liandong_test_{uuid.uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def kafka_bootstrap(run_folder: Path) -> Iterator[str]:
    """host:port of a real broker, one for the whole run: take topic names of your own."""
    given = os.environ.get("LIANDONG_TEST_KAFKA")
    if given:
        yield given
        return

    @contextmanager
    def private_kafka() -> Iterator[str]:
        with KafkaBroker(run_folder / f"kafka-{uuid.uuid4().hex}") as broker:
            yield broker.bootstrap

    try:
        with shared_part(run_folder, "kafka", private_kafka) as bootstrap:
            yield bootstrap
    except KafkaUnavailable as reason:
        pytest.skip(f"{MISSING}{reason}")


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmParent]:
    """Runs `liandong` commands as processes, without their second of imports."""
    with WarmParent() as parent:
        yield parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, for one module: its driver keeps an event loop running here, beside which no other may run."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip(f"{MISSING}a browser; as root: apt-get install chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which Chromium refuses to root
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield started
        started.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'liandong.sqlite'}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data, which is not part of this repository."""
    folder = Path(os.environ.get("LIANDONG_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("there is no real data beside the checkout; name its folder in LIANDONG_SHARED_DATA")
    return folder


# ── markers and missing parts ─────────────────────────────────────────────────────────────────────
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who uses a real part carries its marker, so that `-m "not kafka"` means what it says."""
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            if name in _MARKER_OF_FIXTURE:
                item.add_marker(_MARKER_OF_FIXTURE[name])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_real_part_missing(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_real_part_missing(report)
    return report


def _fail_if_real_part_missing(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("LIANDONG_REQUIRE_REAL") != "1" or not report.skipped:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if MISSING in reason:
        report.outcome = "failed"
        report.longrepr = f"{reason.removeprefix('Skipped: ')} (LIANDONG_REQUIRE_REAL=1 makes this a failure)"
