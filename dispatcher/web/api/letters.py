"""Dead letters: kept for whoever reads files on our behalf, shown, put right, tried again. Admin only."""

from typing import Final

import msgspec
from litestar import Response, get, post

from dispatcher.views.letters import STATES, letter_list
from dispatcher.web import asking, problems, rendering
from dispatcher.web.admin import admin_only
from dispatcher.web.api.batches import MAX_ITEMS, split_batch
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import carry_out, engine_of
from schemas import outcomes as out
from schemas.commands import Command, KeepDeadLetter
from schemas.decode import Undecodable, convert, decode_json
from schemas.upkeep_commands import DiscardDeadLetter, FixDeadLetter, ReadDeadLetter, RedriveDeadLetter
from schemas.views import DeadLetterBody, DeadLetterKept

MAX_LETTERS_BYTES: Final = 16 * 1_048_576  # a row can be too large for any other door


@post("/dead-letters", request_max_body_size=MAX_LETTERS_BYTES)
async def keep_dead_letters(request: AnyRequest) -> Response[bytes]:
    """Keep an array or NDJSON of rows that cannot become reports; one result per item, in order."""
    admin_only(request)
    items = split_batch(await request.body(), request.headers.get("content-type", ""))
    if len(items) > MAX_ITEMS:
        raise problems.Refuse(413, "BatchTooLarge", f"a batch holds at most {MAX_ITEMS} dead letters")
    read = [_read(item) for item in items]
    commands = [command for command in read if isinstance(command, KeepDeadLetter)]
    outcomes = iter(await carry_out(engine_of(request), commands, "bulk") if commands else ())
    results = [_result(next(outcomes)) if isinstance(command, KeepDeadLetter) else command for command in read]
    return rendering.json(results)


@get("/dead-letters", sync_to_thread=True)
def list_dead_letters(request: AnyRequest) -> Response[bytes]:
    """One page, newest first, without the bytes."""
    admin_only(request)
    engine = engine_of(request)
    jurisdiction = engine.compiled(asking.parameter(request, "jurisdiction")).jurisdiction
    states = asking.several(request, "state", STATES) or ("open",)
    reason, cursor = asking.parameter(request, "reason"), asking.parameter(request, "cursor")
    with engine.store.reading() as connection:
        page = letter_list(
            connection, jurisdiction, states=states, reason=reason, cursor=cursor, limit=asking.page_size(request)
        )
    return rendering.json(page)


@get("/dead-letters/{letter_id:str}")
async def show_dead_letter(request: AnyRequest) -> Response[bytes]:
    """Its bytes and headers as they came; journalled, since they may be personal."""
    admin_only(request)
    return await _carried_out(request, ReadDeadLetter(letter_id=asking.letter_id(request)))


@post("/dead-letters/{letter_id:str}/fix")
async def fix_dead_letter(request: AnyRequest) -> Response[bytes]:
    """The request's body, as it is, will be taken in place of the letter's bytes."""
    admin_only(request)
    letter_id, body = asking.letter_id(request), await request.body()
    if not body.strip():
        raise problems.Refuse(422, "Undecodable", "the corrected body is empty")
    return await _carried_out(request, FixDeadLetter(letter_id=letter_id, body=body))


@post("/dead-letters/{letter_id:str}/redrive")
async def redrive_dead_letter(request: AnyRequest) -> Response[bytes]:
    """Through the door again that it came by."""
    admin_only(request)
    return await _carried_out(request, RedriveDeadLetter(letter_id=asking.letter_id(request)))


@post("/dead-letters/{letter_id:str}/discard")
async def discard_dead_letter(request: AnyRequest) -> Response[bytes]:
    """It never becomes anything."""
    admin_only(request)
    return await _carried_out(request, DiscardDeadLetter(letter_id=asking.letter_id(request)))


async def _carried_out(request: AnyRequest, command: Command) -> Response[bytes]:
    return rendering.outcome((await carry_out(engine_of(request), [command]))[0])


def _read(raw: bytes) -> KeepDeadLetter | dict[str, object]:
    try:
        body = convert(decode_json(raw), DeadLetterBody)
    except Undecodable as error:
        return problems.undecodable(error)
    return KeepDeadLetter(raw=body.raw, reason=body.reason, origin=body.origin, headers=body.headers)


def _result(outcome: out.Outcome) -> dict[str, object]:
    if isinstance(outcome, out.Refused):
        return problems.refused(outcome.refusal)
    if not isinstance(outcome, out.Lettered):
        raise TypeError(type(outcome).__name__)
    kept = DeadLetterKept(letter_id=outcome.letter_id, repeated=outcome.repeated)
    told: dict[str, object] = msgspec.to_builtins(kept)
    return {"status": 200 if outcome.repeated else 201} | told
