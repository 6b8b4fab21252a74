"""The journal as it grows: one reader in a process, however many listen.

Listeners hold no queue: each has a cursor and takes what lies behind it, from the newest rows in memory or, when it has
fallen behind these, from the database. So nobody's slowness costs memory, and everybody resumes in the same way.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final

import structlog

from dispatcher.metrics import Metrics
from dispatcher.store import Store, StoreUnavailable
from dispatcher.views.telling import Telling, ToldRow
from dispatcher.web.live.cursors import Cursor
from routing_rules import Compiled
from schemas.events import BodyErased, JournalRow

log = structlog.get_logger(__name__)
MOST_LISTENERS: Final = 500
REMEMBERED_ROWS: Final = 1024
_PAGE: Final = 200
_STATES: Final = 2_000
_POLL_S: Final = 0.05  # rows of other processes come without waking us
_COLLECT_S: Final = 0.02  # one look for all that is committed in the meantime, one write to each listener
_LINGER_S: Final = 60.0
_ERROR_PAUSE_S: Final = 1.0


class StartOver(Exception):
    """What lies behind the cursor is not there (any more): read the state anew and go on from `position`.

    `because`: "horizon" = the journal does not reach back so far, "ahead" = nor forward, so the cursor is of another
    database, "unknown" = it is no cursor of ours.
    """

    def __init__(self, because: str, position: int) -> None:
        super().__init__(because)
        self.because = because
        self.position = position


class Entry:
    """One row for all listeners: what is told of it (None while nobody reads it), each message encoded once."""

    __slots__ = ("row", "told", "written")

    def __init__(self, row: JournalRow, told: ToldRow | None) -> None:
        self.row = row
        self.told = told
        self.written: dict[int, bytes] = {}  # server-sent events by message number


class Feed:
    """Used from one event loop; reads in threads. `wake_after_each` takes a function to be called after each commit."""

    def __init__(
        self,
        store: Store,
        compiled: Callable[[str], Compiled],
        metrics: Metrics,
        wake_after_each: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._live, self._catching_up = (Telling(store, compiled, remembered=_STATES) for _ in range(2))
        self._newest: deque[Entry] = deque(maxlen=REMEMBERED_ROWS)
        self._listeners = self._readers = 0
        self._one_catches_up, self._one_begins = asyncio.Lock(), asyncio.Lock()
        self._tail: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committed = asyncio.Event()
        self._news: asyncio.Future[None] | None = None
        self._committed_to = 0  # known to be in the journal, though the reader may not have come to it
        self.position = 0
        self.closing = False
        wake_after_each(self._wake)

    # ── listeners ────────────────────────────────────────────────────────────────────────────────
    @property
    def is_full(self) -> bool:
        return self.closing or self._listeners >= MOST_LISTENERS

    @asynccontextmanager
    async def listening(self, *, reads: bool) -> AsyncIterator[None]:
        """While somebody does, the journal is followed. `reads` false = only wants to know which incidents changed."""
        self._count(1, reads=reads)
        try:
            await self._follow()
            yield
        finally:
            self._count(-1, reads=reads)

    async def begin(self, cursor: Cursor | None) -> Cursor:
        """Where a listener begins; None = with what is to come. Raises StartOver, StoreUnavailable."""
        last = await asyncio.to_thread(self._store.last_position)
        if cursor is not None and cursor.position > last:
            raise StartOver("ahead", last)
        self._committed_to = max(self._committed_to, last)
        return cursor or Cursor(last)

    async def page(self, cursor: Cursor) -> list[Entry]:
        """The next rows behind the cursor, told, at most 200; [] = nothing new yet. Raises StartOver."""
        after = cursor.rows_after
        if after >= max(self.position, self._committed_to):
            return []
        found = (self.remembered(after) or [])[:_PAGE]
        if found and all(entry.told is not None for entry in found):
            return found
        async with self._one_catches_up:
            found = await asyncio.to_thread(self._rows_after, after, self._catching_up)
        if not found or found[0].row.position != after + 1:
            raise StartOver("horizon", self.position)
        return found

    def remembered(self, after: int) -> list[Entry] | None:
        """All rows behind a position, of which some may not be told; None = memory does not reach back so far."""
        count = self.position - after
        if count > len(self._newest):
            return None
        return list(islice(self._newest, len(self._newest) - max(count, 0), None))

    async def news(self, after: int, timeout_s: float) -> bool:
        """Wait until there is a row behind `after`, or all must end; false = there was none in this time."""
        if self.position > after or self.closing or self._news is None:
            return True
        done, _ = await asyncio.wait({self._news}, timeout=max(0.0, timeout_s))
        return bool(done)

    def close(self) -> None:
        """Let all listeners end now: the process is about to. They resume with the next one."""
        self.closing = True
        self._committed.set()
        self._tell_news()

    # ── the one reader ───────────────────────────────────────────────────────────────────────────
    async def _follow(self) -> None:
        async with self._one_begins:
            if self._tail is not None and not self._tail.done():
                return
            self._loop = asyncio.get_running_loop()
            self._newest.clear()
            self.position = await asyncio.to_thread(self._store.last_position)
            self._news = self._loop.create_future()
            self._tail = self._loop.create_task(self._run(self._loop), name="live")

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Goes on a minute after the last listener has left: who lost its connection will be back."""
        heard_at = loop.time()
        while not self.closing and (self._listeners or loop.time() - heard_at < _LINGER_S):
            if self._listeners:
                heard_at = loop.time()
            self._committed.clear()
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - listeners stay and hear of it late; nothing is lost
                reason = str(error)[:200] if isinstance(error, StoreUnavailable) else ""
                log.warning("live_failing", error=type(error).__name__, reason=reason)
                await asyncio.sleep(_ERROR_PAUSE_S)

    async def _look(self) -> None:
        """Take what is new and rest a little, or wait for a commit."""
        found = await asyncio.to_thread(self._rows_after, self.position, self._live if self._readers else None)
        if found:
            if any(isinstance(event, BodyErased) for entry in found for event in entry.row.events):
                self._forget_texts()
            self._newest.extend(found)
            self.position = found[-1].row.position
            self._tell_news()
            await asyncio.sleep(0 if len(found) == _PAGE else _COLLECT_S)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._committed.wait(), _POLL_S)

    def _forget_texts(self) -> None:
        """What was erased must not live on in what is remembered; it is told anew from the store."""
        for entry in self._newest:
            entry.told = None
            entry.written.clear()

    def _rows_after(self, after: int, telling: Telling | None) -> list[Entry]:
        rows = self._store.journal_after(after, _PAGE)
        if telling is None:
            return [Entry(row, None) for row in rows]
        return [Entry(told.row, told) for told in telling.told(rows)]

    def _tell_news(self) -> None:
        if self._loop is None or self._news is None:
            return
        told, self._news = self._news, self._loop.create_future()
        told.set_result(None)

    def _wake(self) -> None:
        """In the writer's thread."""
        if self._loop is not None and self._listeners and not self._committed.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens
                self._loop.call_soon_threadsafe(self._committed.set)

    def _count(self, change: int, *, reads: bool) -> None:
        self._listeners += change
        self._readers += change * reads
        self._metrics.live_clients.set(self._listeners)
