"""Everything that goes wrong, as application/problem+json (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from dispatcher.service import WriterStopped
from dispatcher.store import StoreUnavailable
from dispatcher.views.queue import BadCursor
from schemas.decode import Undecodable
from schemas.refusals import Refusal

log = structlog.get_logger(__name__)
MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = "1"

_TITLES: Final = {413: "BodyTooLarge"}

# One sentence where the refusal brings none of its own.
DETAILS: Final = {
    "AlreadyClaimed": "somebody else has claimed this incident",
    "OfferWithdrawn": "this offer is no longer open",
    "NotAllowedInState": "this is not possible in the incident's present state",
    "NotYours": "this responder neither holds the incident nor is the desk",
    "NotCandidate": "the incident was not offered to this responder",
    "UnknownIncident": "there is no such incident",
    "UnknownReport": "there is no such report",
    "ResponderRequired": "say which responder acts: the incident has no single holder",
    "ReasonRequired": "this needs a reason",
}


class Refuse(Exception):
    """A problem found at the door: `title` names it, `fields` are added to it."""

    def __init__(self, status: int, title: str, detail: str, **fields: object) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.fields = fields


def problem(status: int, title: str, detail: str, **fields: object) -> dict[str, object]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail} | fields


def refused(refusal: Refusal, status: int | None = None) -> dict[str, object]:
    """A refusal as a problem, with its own fields; `status` where a door has its own."""
    fields: dict[str, object] = msgspec.to_builtins(refusal)
    title = str(fields.pop("title"))
    detail = str(fields.pop("detail", "")) or DETAILS.get(title, title)
    return problem(status or refusal.status, title, detail, **fields)


def undecodable(error: Undecodable) -> dict[str, object]:
    return problem(400 if error.syntax else 422, "Undecodable", str(error))


def response(body: dict[str, object], headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=int(str(body["status"])), media_type=MEDIA_TYPE, headers=headers
    )


def _undecodable(_: Request[Any, Any, Any], error: Undecodable) -> Response[bytes]:
    return response(undecodable(error))


def _refuse(_: Request[Any, Any, Any], error: Refuse) -> Response[bytes]:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return response(problem(error.status, error.title, str(error), **error.fields), headers)


def _bad_cursor(_: Request[Any, Any, Any], error: BadCursor) -> Response[bytes]:
    return response(problem(422, "BadCursor", str(error)))


def _unavailable(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.warning("unavailable", error=type(error).__name__, reason=str(error)[:200])
    told = problem(503, "Unavailable", "the store cannot be reached; nothing was acknowledged, try again")
    return response(told, {"Retry-After": _RETRY_AFTER_S})


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refuses: unknown routes and methods, bodies that are too large."""
    title = _TITLES.get(error.status_code) or HTTPStatus(error.status_code).phrase.title().replace(" ", "")
    return response(problem(error.status_code, title, error.detail), error.headers)


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("request_failed", route=request.scope["path"], error=type(error).__name__, exc_info=error)
    return response(problem(500, "InternalServerError", "this is a fault of ours; it was logged"))


HANDLERS: Final[dict[Any, Any]] = {
    Undecodable: _undecodable,
    Refuse: _refuse,
    BadCursor: _bad_cursor,
    StoreUnavailable: _unavailable,
    WriterStopped: _unavailable,
    HTTPException: _http,
    Exception: _unexpected,
}
