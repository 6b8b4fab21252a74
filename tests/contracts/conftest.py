"""One suite, two stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.postgres_databases import PostgresDatabases
from deploy.local.postgres_install import PostgresUnavailable
from deploy.local.postgres_server import PostgresServer
from dispatcher.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def mortal_postgres(postgres_server: PostgresDatabases) -> Iterator[PostgresServer]:
    """A server of this test's own, to be stopped and started; skipped where `postgres_server` is."""
    assert postgres_server is not None
    try:
        server = PostgresServer()
        server.start()
    except PostgresUnavailable as reason:
        pytest.skip(f"REAL PART MISSING: {reason}")
    yield server
    server.stop()
    server.remove_temporary()
