"""Erasing personal data. Admin only, and there is no way back."""

import asyncio
from contextlib import suppress

from litestar import Response, post

from dispatcher.web import asking, rendering
from dispatcher.web.admin import admin_only
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine, carry_out, engine_of
from schemas.upkeep_commands import EraseBody


@post("/reports/{report_id:str}/erase")
async def erase_report(request: AnyRequest) -> Response[bytes]:
    """Text, place, reporter and attachments of a report."""
    admin_only(request)
    return await _erased(request, EraseBody(report_id=asking.report_id(request)))


@post("/incidents/{incident_id:str}/erase")
async def erase_incident(request: AnyRequest) -> Response[bytes]:
    """All reports of an incident, and all that was said about it."""
    admin_only(request)
    return await _erased(request, EraseBody(incident_id=asking.incident_id(request)))


@post("/bodies/{ref:str}/erase")
async def erase_body(request: AnyRequest) -> Response[bytes]:
    """What was said in one command, by the `body_ref` of its event."""
    admin_only(request)
    return await _erased(request, EraseBody(ref=asking.body_ref(request)))


@post("/dead-letters/{letter_id:str}/erase")
async def erase_dead_letter(request: AnyRequest) -> Response[bytes]:
    """Bytes and headers of a dead letter; an open one is given up."""
    admin_only(request)
    return await _erased(request, EraseBody(letter_id=asking.letter_id(request)))


async def _erased(request: AnyRequest, command: EraseBody) -> Response[bytes]:
    """Gone from the tables once answered; from the database's log and the file store now or a little later."""
    engine = engine_of(request)
    outcome = (await carry_out(engine, [command]))[0]
    await asyncio.to_thread(_forget, engine)
    return rendering.outcome(outcome)


def _forget(engine: Engine) -> None:
    engine.store.forget_erased()
    with suppress(OSError):  # the file store is away; the loop tries again
        engine.keeper.delete_erased()
