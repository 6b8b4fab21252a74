"""The whole engine with its alarms, asked over HTTP, at the times the stories tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dispatcher.settings import Settings
from tests.acceptance.town import Town, opened
from tests.engine_on_kafka import kafka_town, town_database

__all__ = ["clock", "kafka_town", "town", "town_database"]


class StoryClock:
    """The engine's clock: stands where the story is."""

    def __init__(self) -> None:
        self.at = datetime.fromisoformat("2025-01-12T08:00+08:00")

    def __call__(self) -> datetime:
        return self.at

    def set(self, local: str) -> None:
        """Local time of Qinggang, as "2025-01-12T12:22"."""
        self.at = datetime.fromisoformat(f"{local}+08:00")

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> StoryClock:
    return StoryClock()


@pytest.fixture
def town(tmp_path: Path, sqlite_url: str, clock: StoryClock) -> Iterator[Town]:
    """Qinggang."""
    with opened(Settings(database=sqlite_url, var=tmp_path), clock) as made:
        yield made
