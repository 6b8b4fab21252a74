"""The feed behind streams and polls, on both stores: every row once and in order, whoever commits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import delete

from dispatcher.metrics import Metrics
from dispatcher.service import Policies, StoredBundles
from dispatcher.store import Changes, NewJournalRow, Store
from dispatcher.store.changes import Erasure
from dispatcher.store.tables import journal
from dispatcher.web.live import feed as feeding
from dispatcher.web.live.audience import Audience
from dispatcher.web.live.cursors import Cursor
from dispatcher.web.live.feed import Entry, Feed, StartOver
from schemas.events import BodyErased
from schemas.notices import Notice
from tests.contracts.spine_making import NOON, Bench

pytestmark = pytest.mark.anyio
HERE: Final = "cn-231223"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def feed_over(store: Store, wake_after_each: Callable[[Callable[[], None]], None] = lambda _: None) -> Feed:
    """Never woken unless said so: it looks by itself, as for the rows of other processes."""
    policies, bundles = Policies(), StoredBundles(store)
    return Feed(store, lambda bundle_id: policies.compiled(bundle_id, bundles), Metrics(), wake_after_each)


async def taken(feed: Feed, cursor: Cursor, up_to: int) -> list[Entry]:
    """What a listener gets from its cursor to a position."""
    found: list[Entry] = []
    while cursor.position < up_to:
        page = await feed.page(cursor)
        found += page
        if page:
            cursor = Cursor(page[-1].row.position)
        else:
            assert await feed.news(cursor.position, 10)
    return found


def reports(bench: Bench, count: int, source: str = "x") -> None:
    for number in range(count):
        bench.taken(f"{source}-{number}", "家里停水了")


@pytest.fixture
def bench(store: Store) -> Bench:
    made = Bench(store)
    made.publish()
    return made


async def test_listeners_from_far_and_near_get_the_same(bench: Bench) -> None:
    reports(bench, 5)
    feed = feed_over(bench.store)
    async with feed.listening(reads=True):
        near = asyncio.create_task(taken(feed, Cursor(6), 11))
        await asyncio.to_thread(reports, bench, 5, "y")
        far = await taken(feed, Cursor(0), 11)
        assert [entry.row.position for entry in far] == list(range(1, 12))
        assert [entry.told for entry in far[6:]] == [entry.told for entry in await near]
    feed.close()


async def test_while_several_commit_every_row_comes_once(bench: Bench, store_url: str) -> None:
    """On PostgreSQL each writer is a process of its own as far as the database can tell."""
    stores = [Store.open(store_url) for _ in range(3)] if store_url.startswith("postgresql") else []
    writers = [bench, *(Bench(each, seed=1000 * n) for n, each in enumerate(stores, start=1))]
    threads = [
        threading.Thread(target=reports, args=(writer, 20, f"w{number}")) for number, writer in enumerate(writers)
    ]
    feed, last = feed_over(bench.store), 1 + 20 * len(writers)
    async with feed.listening(reads=True):
        listeners = [asyncio.create_task(taken(feed, Cursor(0), last)) for _ in range(5)]
        for thread in threads:
            thread.start()
        found = await asyncio.gather(*listeners)
    assert [[entry.row.position for entry in each] for each in found] == [list(range(1, last + 1))] * 5
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()


async def test_a_commit_wakes_it_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_POLL_S", 60)
    wakers: list[Callable[[], None]] = []
    feed = feed_over(bench.store, wakers.append)
    async with feed.listening(reads=True):
        await asyncio.sleep(0.1)
        reports(bench, 1)
        await asyncio.to_thread(wakers[0])
        assert await feed.news(1, 30)


async def test_the_horizon_and_other_databases(bench: Bench) -> None:
    reports(bench, 9)
    with bench.store.begin() as txn:
        txn._connection.execute(delete(journal).where(journal.c.position < 6))
    feed = feed_over(bench.store)
    async with feed.listening(reads=True):
        for behind in (Cursor(0), Cursor(4), Cursor(5, 0)):
            with pytest.raises(StartOver, match="horizon") as told:
                await feed.page(await feed.begin(behind))
            assert told.value.position == 10
        assert [entry.row.position for entry in await feed.page(Cursor(5))] == [6, 7, 8, 9, 10]
        assert [entry.row.position for entry in await feed.page(Cursor(6, 0))] == [6, 7, 8, 9, 10]
        assert await feed.begin(Cursor(10)) == Cursor(10)
        with pytest.raises(StartOver, match="ahead"):
            await feed.begin(Cursor(11))


async def test_memory_holds_the_newest_rows_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "REMEMBERED_ROWS", 4)
    feed = feed_over(bench.store)
    async with feed.listening(reads=False):
        await asyncio.to_thread(reports, bench, 10)
        while feed.position < 11:
            assert await feed.news(feed.position, 10)
        assert len(feed._newest) == 4
        assert all(entry.told is None for entry in feed._newest), "nobody reads: nothing is told"
        assert (len(feed.remembered(8) or ()), feed.remembered(6)) == (3, None)
        assert len(await taken(feed, Cursor(1), 11)) == 10


async def test_what_was_erased_is_not_told_from_memory(bench: Bench) -> None:
    feed, lighting = feed_over(bench.store), Audience(jurisdiction=HERE, responder="urban-lighting")

    async def summary() -> str | None:
        (entry,) = [each for each in await taken(feed, Cursor(1), 2) if each.row.position == 2]
        (message,) = lighting.messages(entry)
        assert isinstance(message.payload, Notice)
        return message.payload.summary

    async with feed.listening(reads=True):
        answer = bench.taken("lamp", "路灯坏了")
        assert await summary() == "路灯坏了"
        gone = BodyErased(refs=(answer.report_id,), at=NOON)
        row = NewJournalRow(HERE, answer.incident_id, 2, "", "admin", NOON, (gone,))
        with bench.store.begin() as txn:
            txn.save(Changes(journal=[row], erasures=[Erasure((answer.report_id,), (), NOON)]))
        assert await feed.news(2, 10)
        assert await summary() is None


async def test_when_nobody_listens_it_stops_after_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_LINGER_S", 0.1)
    feed = feed_over(bench.store)
    async with feed.listening(reads=True):
        assert feed._tail is not None
    await asyncio.wait_for(feed._tail, 30)
    reports(bench, 1)
    async with feed.listening(reads=True):
        assert feed.position == 2
        reports(bench, 1, "y")
        assert await feed.news(2, 30)
