"""Many reports at once (one: intake.py); and the one place where name and phone are shown."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

import msgspec
from litestar import Response, get, post

from dispatcher.web import asking, problems, rendering
from dispatcher.web.admin import admin_only
from dispatcher.web.api.batches import MAX_ITEMS, split_batch
from dispatcher.web.api.intake import submission
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import carry_out, engine_of
from schemas import outcomes as out
from schemas.commands import ReadReporter, SubmitReport
from schemas.decode import Undecodable
from schemas.refusals import NotYours

_BREATH: Final = 25  # a quarter of a millisecond's work
T = TypeVar("T")


@post("/reports:batch")
async def submit_batch(request: AnyRequest) -> Response[bytes]:
    """Take a JSON array or NDJSON of reports: one result per item, in order, each with its own status.

    `trusted=true` (admin only) = an import: the reports' own due times count, whatever their source.
    """
    trusted = _trusted(request)
    items = split_batch(await request.body(), request.headers.get("content-type", ""))
    if len(items) > MAX_ITEMS:
        raise problems.Refuse(413, "BatchTooLarge", f"a batch holds at most {MAX_ITEMS} reports")
    read = [_read(item, trusted=trusted) async for item in _in_breaths(items)]
    commands = [command for command in read if isinstance(command, SubmitReport)]
    outcomes = iter(await carry_out(engine_of(request), commands, "bulk") if commands else ())
    return rendering.json(
        [
            _result(next(outcomes)) if isinstance(command, SubmitReport) else command
            async for command in _in_breaths(read)
        ]
    )


async def _in_breaths(items: Sequence[T]) -> AsyncIterator[T]:
    """The items; after each few of them, whoever else waits is served."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % _BREATH == 0:
            await asyncio.sleep(0)


@get("/reports/{report_id:str}/reporter")
async def show_reporter(request: AnyRequest) -> Response[bytes]:
    """Name and phone, for the desk and holders only; every reading is journalled."""
    asks = ReadReporter(
        incident_id="", report_id=asking.report_id(request), responder=asking.parameter(request, "responder")
    )
    outcome = (await carry_out(engine_of(request), [asks]))[0]
    if isinstance(outcome, out.Refused) and isinstance(outcome.refusal, NotYours):
        return problems.response(problems.refused(outcome.refusal, status=403))
    return rendering.outcome(outcome)


def _trusted(request: AnyRequest) -> bool:
    trusted = asking.flag(request, "trusted")
    if trusted:
        admin_only(request)
    return trusted


def _read(raw: bytes, *, trusted: bool) -> SubmitReport | dict[str, object]:
    try:
        return submission(raw, trusted=trusted)
    except Undecodable as error:
        return problems.undecodable(error)


def _result(outcome: out.Outcome) -> object:
    """The answer with its status in front; spliced as JSON, at half the price of a dict of it."""
    if isinstance(outcome, out.Refused):
        return problems.refused(outcome.refusal)
    answer = msgspec.json.encode(rendering.answer(outcome))
    return msgspec.Raw(b'{"status":%d,%b' % (rendering.status_of(outcome), answer[1:]))
