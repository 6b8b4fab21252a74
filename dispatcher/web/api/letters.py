"""Dead letters from whoever reads files on our behalf."""

from typing import Final

import msgspec
from litestar import Response, post

from dispatcher.web import problems, rendering
from dispatcher.web.admin import admin_only
from dispatcher.web.api.batches import MAX_ITEMS, split_batch
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import carry_out, engine_of
from schemas import outcomes as out
from schemas.commands import KeepDeadLetter
from schemas.decode import Undecodable, convert, decode_json
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
