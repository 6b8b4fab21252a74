"""Following as it happens: chunks of server-sent events, the connection they go down, and the long poll."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import structlog
from litestar.types import Receive, Scope, Send

from dispatcher.metrics import Metrics
from dispatcher.web.live.audience import Audience, changes, greeting, heartbeat, item, reset
from dispatcher.web.live.cursors import Cursor
from dispatcher.web.live.feed import Feed, StartOver

log = structlog.get_logger(__name__)
HEARTBEAT_S: Final = 15.0
SEND_LIMIT_S: Final = 10.0
_CHANGES_PAUSE_S: Final = 0.5
_MOST_SCANNED: Final = 4_000  # rows that one poll looks through
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy in front must not collect
]


async def events(feed: Feed, begins: Cursor, audience: Audience) -> AsyncIterator[bytes]:
    """Everything the audience is told after the cursor, in commit order, until the process ends."""
    now = asyncio.get_running_loop().time
    cursor, spoke_at = begins, now()
    while not feed.closing:
        try:
            page = await feed.page(cursor)
        except StartOver as told:
            yield reset(told)
            cursor, spoke_at = Cursor(told.position), now()
            continue
        chunk = b"".join(audience.written(entry, cursor.skipped(entry.row.position)) for entry in page)
        if page:
            cursor = Cursor(page[-1].row.position)
        if not chunk and now() - spoke_at >= HEARTBEAT_S:
            chunk = heartbeat(cursor)
        if chunk:
            yield chunk
            spoke_at = now()
        if not page:
            await feed.news(cursor.position, spoke_at + HEARTBEAT_S - now())


async def digest(feed: Feed, begins: Cursor, audience: Audience) -> AsyncIterator[bytes]:
    """At most two a second: which incidents changed. For pages, which read the state anew."""
    cursor = begins
    while not feed.closing:
        if feed.position > cursor.position:
            entries = feed.remembered(cursor.position)
            cursor = Cursor(feed.position)
            if chunk := changes(cursor, entries, audience):
                yield chunk
                await asyncio.sleep(_CHANGES_PAUSE_S)
        elif not await feed.news(cursor.position, HEARTBEAT_S):
            yield heartbeat(cursor)


@dataclass(frozen=True, slots=True)
class EventStream:
    """The ASGI response. A client that takes nothing for 10 s is dropped: it may come back and resume."""

    feed: Feed
    metrics: Metrics
    audience: Audience
    begins: Cursor
    first: bytes = b""
    digests: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        both = [asyncio.ensure_future(self._tell(send)), asyncio.ensure_future(_gone(receive))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        try:
            async with self.feed.listening(reads=not self.digests):
                await self._say(send, greeting(self.begins) + self.first)
                chunks = digest if self.digests else events
                async for chunk in chunks(self.feed, self.begins, self.audience):
                    await self._say(send, chunk)
        except TimeoutError:
            self.metrics.live_dropped.inc()
            log.info("live_client_dropped", responder=self.audience.responder)
            return
        except Exception as error:  # noqa: BLE001 - the stream ends; its client comes back and resumes
            log.warning("live_stream_failed", error=type(error).__name__)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _say(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(SEND_LIMIT_S):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    while True:
        if (await receive())["type"] == "http.disconnect":
            return


@dataclass(frozen=True, slots=True)
class Poll:
    """`items` in order; `next` = the cursor to ask with next time."""

    items: list[dict[str, object]]
    next: Cursor
    reset: bool = False


async def poll(feed: Feed, cursor: Cursor, audience: Audience, *, wait_s: float, limit: int) -> Poll:
    """Up to `limit` items behind the cursor; when there is none yet, wait for one.

    It may come back empty before the time is up: when it has looked through many rows, or when the process ends.
    """
    now = asyncio.get_running_loop().time
    give_up_at, scanned = now() + wait_s, 0
    items: list[dict[str, object]] = []
    async with feed.listening(reads=True):
        while not items and scanned < _MOST_SCANNED:
            page = await feed.page(cursor)
            for entry in page:
                for message in audience.messages(entry, cursor.skipped(entry.row.position)):
                    items.append(item(entry.row, message))
                    if len(items) == limit:
                        return Poll(items, Cursor(entry.row.position, message.n))
                cursor = Cursor(entry.row.position)
            scanned += len(page)
            if not page and (feed.closing or not await feed.news(cursor.position, give_up_at - now())):
                break
    return Poll(items, cursor)
