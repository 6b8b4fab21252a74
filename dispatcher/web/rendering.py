"""Structs as JSON responses, outcomes as answers with their status."""

import msgspec
from litestar import Response

from dispatcher.web import problems
from schemas import outcomes as out

_encoder = msgspec.json.Encoder()
_ANSWERED = out.Taken | out.Done | out.Shown | out.AttachmentKept | out.LetterShown | out.LetterDone | out.BodiesErased


def json(body: object, status: int = 200) -> Response[bytes]:
    return Response(_encoder.encode(body), status_code=status, media_type="application/json")


def outcome(done: out.Outcome) -> Response[bytes]:
    """201 for a new report or file, 200 for what was accepted or shown; a refusal is a problem with its own status."""
    if isinstance(done, out.Refused):
        return problems.response(problems.refused(done.refusal))
    return json(answer(done), status_of(done))


def answer(done: out.Outcome) -> object:
    """The part of an accepted outcome that its caller reads."""
    if isinstance(done, _ANSWERED):
        return done.answer
    raise TypeError(f"{type(done).__name__} is no answer to a request")


def status_of(done: out.Outcome) -> int:
    return 201 if isinstance(done, out.Taken | out.AttachmentKept) and not done.repeated else 200
