"""Everything that goes wrong, as application/problem+json (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from dispatcher.service import WriterStopped
from dispatcher.store import StoreUnavailable
from dispatcher.views.moment import TooFarBack
from dispatcher.views.queue import BadCursor
from schemas.decode import Undecodable
from schemas.refusals import Refusal

log = structlog.get_logger(__name__)
MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = "1"

_TITLES: Final = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "BodyTooLarge"}

# One sentence where the refusal brings none of its own.
DETAILS: Final = {
    "AlreadyClaimed": "somebody else has claimed this incident",
    "OfferWithdrawn": "this offer is no longer open",
    "NotAllowedInState": "this is not possible in the incident's present state",
    "NotYours": "this responder neither holds the incident nor is the desk",
    "NotCandidate": "the incident was not offered to this responder",
    "UnknownIncident": "there is no such incident",
    "UnknownAttachment": "there is no such attachment, or it was used or erased already",
    "UnknownReport": "there is no such report",
    "UnknownLetter": "there is no such dead letter",
    "UnknownBody": "nothing was ever kept under this ref",
    "LetterSettled": "this dead letter was redriven or discarded, and stays so",
    "LetterStays": "this dead letter cannot be taken as it is",
    "Erased": "this was erased",
    "ResponderRequired": "say which responder acts: the incident has no single holder",
    "ReasonRequired": "this needs a reason",
    "UnknownResponder": "the bundle in force knows no such responder",
    "UnknownCategory": "the bundle in force knows no such category",
    "UnitNotThere": "this unit is not where this move starts from",
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


class Told(NamedTuple):
    """A problem and the headers that belong to it."""

    body: dict[str, object]
    headers: dict[str, str]


def told(error: Exception, path: str) -> Told:  # noqa: PLR0911 - one for each sort of error
    """What the caller hears of an exception; what is none of ours to explain is logged."""
    if isinstance(error, Undecodable):
        return Told(undecodable(error), {})
    if isinstance(error, Refuse):
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return Told(problem(error.status, error.title, str(error), **error.fields), headers)
    if isinstance(error, BadCursor):
        return Told(problem(422, "BadCursor", str(error)), {})
    if isinstance(error, TooFarBack):
        return Told(problem(422, "TooFarBack", str(error)), {})
    if isinstance(error, StoreUnavailable | WriterStopped):
        log.warning("unavailable", error=type(error).__name__, reason=str(error)[:200])
        sentence = "the store cannot be reached; nothing was acknowledged, try again"
        return Told(problem(503, "Unavailable", sentence), {"Retry-After": _RETRY_AFTER_S})
    if isinstance(error, HTTPException):
        return Told(_of_the_framework(error), dict(error.headers or {}))
    log.error("request_failed", path=path, error=type(error).__name__, exc_info=error)
    return Told(problem(500, "InternalServerError", "this is a fault of ours; it was logged"), {})


def _of_the_framework(error: HTTPException) -> dict[str, object]:
    """Unknown routes and methods, bodies that are too large."""
    status = HTTPStatus(error.status_code)
    title = _TITLES.get(status) or status.phrase.title().replace(" ", "")
    return problem(status, title, error.detail)


def _handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    return response(*told(error, request.scope["path"]))


HANDLERS: Final[dict[Any, Any]] = {Exception: _handle}
