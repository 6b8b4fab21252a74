"""SQLite's log among readers that overlap all the time, as those of a busy desk do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from dispatcher.store import Changes, NewBody, Store, on_sqlite

_LONG: Final = 2_000_000
_READERS: Final = 4
_DOC: Final = b'{"text": "%s"}' % (b"x" * 20_000)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(on_sqlite, "_PAGES_BETWEEN_CHECKPOINTS", 300)
    monkeypatch.setattr(on_sqlite, "_LONG_LOG_BYTES", _LONG)
    opened = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.close()


@contextmanager
def _reading_all_the_time(store: Store, hold_s: float) -> Iterator[None]:
    enough = threading.Event()

    def read() -> None:
        while not enough.is_set():
            with store.reading() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM journal").all()
                time.sleep(hold_s)

    threads = [threading.Thread(target=read) for _ in range(_READERS)]
    for thread in threads:
        thread.start()
    yield
    enough.set()
    for thread in threads:
        thread.join()


def _longest_log(store: Store, folder: Path, count: int) -> int:
    """While so many bodies of 20 kB are written, one by one."""
    longest = 0
    for number in range(count):
        body = NewBody("cn-231223", f"{number:026d}", f"{number:026d}", "said", datetime.now(UTC), _DOC)
        with store.begin() as txn:
            txn.save(Changes(bodies=[body]))
        longest = max(longest, (folder / "x.db-wal").stat().st_size)
    return longest


def test_the_log_stays_short_although_somebody_always_reads(store: Store, tmp_path: Path) -> None:
    with _reading_all_the_time(store, hold_s=0.005):
        longest = _longest_log(store, tmp_path, 600)  # some 15 MB
    assert longest < 2 * _LONG


def test_who_reads_for_long_does_not_stop_the_writer(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM journal").all()
        started = time.monotonic()
        longest = _longest_log(store, tmp_path, 300)
        waited = time.monotonic() - started
    assert longest > 2 * _LONG, "the reader's snapshot needs the log"
    assert waited < 10, "100 ms now and then, not at each commit"
    monkeypatch.setattr(time, "monotonic", lambda: started + 60)
    with store.begin():
        assert (tmp_path / "x.db-wal").stat().st_size == 0, "nobody reads any more"
