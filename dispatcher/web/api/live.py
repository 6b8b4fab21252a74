"""Following what happens: a stream of events, and a poll for departments without Kafka."""

import asyncio
import re
from typing import Any, Final

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import ServiceUnavailableException
from litestar.types import ASGIApp

from dispatcher.web import asking, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import engine_of
from dispatcher.web.live.audience import Audience, reset
from dispatcher.web.live.cursors import Cursor
from dispatcher.web.live.feed import Feed, StartOver
from dispatcher.web.live.streams import EventStream, Poll, poll
from dispatcher.web.problems import Refuse

LONGEST_WAIT_S: Final = 30.0
_SECONDS: Final = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)


@get("/events")
async def follow_events(request: AnyRequest) -> ASGIApp:
    """Server-sent events in commit order; Last-Event-ID, or `after`, resumes without a gap."""
    feed, digests = _feed_with_room(request), asking.flag(request, "digest")
    audience = await asyncio.to_thread(_audience, request, asking.parameter(request, "responder"))
    if digests and (audience.responder or audience.category or audience.area):
        raise Refuse(422, "BadParameter", "a digest is of everything or of one incident", parameter="digest")
    try:
        begins, first = await _begins(request, feed), b""
    except StartOver as told:
        begins, first = Cursor(told.position), reset(told)
    stream: ASGIApp = EventStream(feed, engine_of(request).metrics, audience, begins, first, digests=digests)
    return stream


@get("/responders/{responder_id:str}/notices")
async def poll_notices(request: AnyRequest) -> Response[bytes]:
    """A responder's notices after a cursor, waiting for the first if there is none yet."""
    feed = _feed_with_room(request)
    audience = await asyncio.to_thread(_audience, request, str(request.path_params["responder_id"]))
    after, wait_s, limit = _after(request), _wait_s(request), asking.page_size(request)
    try:
        begins = await feed.begin(after)
        found = await poll(feed, begins, audience, wait_s=wait_s, limit=limit) if after else Poll([], begins)
    except StartOver as told:
        found = Poll([], Cursor(told.position), reset=True)
    return rendering.json({"items": found.items, "next": str(found.next), "reset": found.reset})


def _feed_with_room(request: ASGIConnection[Any, Any, Any, Any]) -> Feed:
    feed: Feed = request.app.state.feed
    if feed.is_full:
        sentence = "too many follow already, or this server is about to end; try again"
        raise ServiceUnavailableException(sentence, headers={"Retry-After": "1"})
    return feed


def _audience(request: AnyRequest, responder: str | None) -> Audience:
    compiled = engine_of(request).compiled(asking.parameter(request, "jurisdiction"))
    if responder is not None and responder not in compiled.responders:
        raise Refuse(404, "UnknownResponder", "there is no such responder in the bundle in force")
    return Audience(
        jurisdiction=compiled.jurisdiction,
        responder=responder,
        incident=asking.parameter(request, "incident"),
        category=asking.parameter(request, "category"),
        area=asking.parameter(request, "area"),
    )


async def _begins(request: AnyRequest, feed: Feed) -> Cursor:
    """The header wins: a browser that reconnects asks the old address again. Raises StartOver."""
    given = request.headers.get("last-event-id")
    if not given:
        return await feed.begin(_after(request))
    cursor = Cursor.read(given)
    if cursor is None:
        raise StartOver("unknown", (await feed.begin(None)).position)
    return await feed.begin(cursor)


def _after(request: AnyRequest) -> Cursor | None:
    given = asking.parameter(request, "after")
    cursor = None if given is None else Cursor.read(given)
    if given is not None and cursor is None:
        raise Refuse(422, "BadParameter", 'after is a cursor of ours, such as "57.2", or 0', parameter="after")
    return cursor


def _wait_s(request: AnyRequest) -> float:
    given = asking.parameter(request, "wait") or "0"
    if not _SECONDS.fullmatch(given):
        raise Refuse(422, "BadParameter", f"wait is a number of seconds, at most {LONGEST_WAIT_S:g}", parameter="wait")
    return min(float(given), LONGEST_WAIT_S)
