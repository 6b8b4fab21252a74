"""What a request asks, as typed values; what cannot be typed is refused with the parameter's name."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from litestar import Request

from dispatcher.core.lifecycle import OPEN
from dispatcher.views.asked import HAS, ROLES, Asked
from dispatcher.web.problems import DETAILS, Refuse
from schemas.ids import ULID
from schemas.incidents import ALL_STATES, State
from schemas.reports import is_plausible

AnyRequest = Request[Any, Any, Any]
DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 200
_LONGEST_WORD: Final = 200
_ULID: Final = re.compile(ULID)
_OFFSET: Final = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\Z")
_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")


def incident_id(request: AnyRequest) -> str:
    """From the path; what cannot be an id is unknown without asking the database."""
    return _id(request, "incident_id", "UnknownIncident")


def attachment_id(request: AnyRequest) -> str:
    return _id(request, "attachment_id", "UnknownAttachment")


def report_id(request: AnyRequest) -> str:
    return _id(request, "report_id", "UnknownReport")


def responder_id(request: AnyRequest) -> str:
    """From the path; whether the pack knows it is another question."""
    return str(request.path_params["responder_id"])[:_LONGEST_WORD]


def past_instant(request: AnyRequest, name: str, now: datetime) -> datetime | None:
    """An instant with its offset that is not ahead of `now`."""
    given = parameter(request, name)
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given).astimezone(UTC) if _OFFSET.search(given) else None
    except (ValueError, OverflowError):
        at = None
    if at is None or not is_plausible(at):
        problem = f"{name} is an instant with its offset, such as 2025-01-12T04:22:00Z"
        raise Refuse(422, "BadParameter", problem, parameter=name)
    if at > now:
        raise Refuse(422, "BadParameter", f"{name} lies ahead", parameter=name)
    return at


def whole(request: AnyRequest, name: str, default: int, largest: int) -> int:
    """A whole number from 1 to `largest`."""
    given = parameter(request, name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:9]) <= largest):
        raise Refuse(422, "BadParameter", f"{name} is a number from 1 to {largest}", parameter=name)
    return int(given[:9])


def letter_id(request: AnyRequest) -> str:
    return _id(request, "letter_id", "UnknownLetter")


def body_ref(request: AnyRequest) -> str:
    return _id(request, "ref", "UnknownBody")


def _id(request: AnyRequest, name: str, unknown: str) -> str:
    found = str(request.path_params[name])
    if not _ULID.fullmatch(found):
        raise Refuse(404, unknown, DETAILS[unknown])
    return found


def flag(request: AnyRequest, name: str) -> bool:
    """True or false; left out = false."""
    given = parameter(request, name)
    if given not in (None, "true", "false"):
        raise Refuse(422, "BadParameter", f"{name} is true or false", parameter=name)
    return given == "true"


def parameter(request: AnyRequest, name: str) -> str | None:
    """A query parameter; left out and empty are the same."""
    given = request.query_params.getall(name, [])
    if len(given) > 1:
        raise Refuse(422, "BadParameter", f"{name} is given more than once", parameter=name)
    if not given or not given[0]:
        return None
    if "\0" in given[0] or len(given[0]) > _LONGEST_WORD:
        raise Refuse(422, "BadParameter", f"{name} holds NUL or is longer than {_LONGEST_WORD}", parameter=name)
    return str(given[0])


def page_size(request: AnyRequest) -> int:
    given = parameter(request, "limit")
    if given is None:
        return DEFAULT_PAGE
    if not (given.isascii() and given.isdecimal() and int(given[:9]) > 0):
        raise Refuse(422, "BadParameter", f"limit is a number from 1 to {LARGEST_PAGE}", parameter="limit")
    return min(int(given[:9]), LARGEST_PAGE)


def asked(request: AnyRequest, jurisdiction: str, state: str | None) -> Asked:
    """The filters of the incident list. `state` and `role` may name several, by comma; "open" = not yet done."""
    roles = several(request, "role", ROLES) or HAS
    return Asked(
        jurisdiction=jurisdiction,
        states=states(state),
        responder=parameter(request, "responder"),
        roles=roles,
        category=parameter(request, "category"),
        area=parameter(request, "area"),
        q=parameter(request, "q"),
    )


def states(given: str | None) -> tuple[State, ...]:
    """Raises Refuse for a word that is no state."""
    if given is None:
        return ALL_STATES
    words = set(given.split(","))
    if unknown := words - {"open", *ALL_STATES}:
        known = ", ".join(("open", *ALL_STATES))
        raise Refuse(422, "BadParameter", f"state {min(unknown)!r} is none of {known}", parameter="state")
    return tuple(state for state in ALL_STATES if state in words or (state in OPEN and "open" in words))


def several(request: AnyRequest, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = (parameter(request, name) or "").split(",")
    if unknown := set(words) - {*known, ""}:
        problem = f"{name} {min(unknown)!r} is none of {', '.join(known)}"
        raise Refuse(422, "BadParameter", problem, parameter=name)
    return tuple(word for word in known if word in words)


def idempotency_key(request: AnyRequest) -> str | None:
    """The Idempotency-Key header: printable ASCII, at most 200 characters."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Refuse(422, "BadParameter", "Idempotency-Key is 1 to 200 printable ASCII characters", parameter="key")
    return key
