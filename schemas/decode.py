"""The one decode boundary: bytes -> typed struct, or `Undecodable` with a reason a person can act on.

msgspec raises DecodeError and ValidationError, but also UnicodeDecodeError (bad UTF-8) and RecursionError (deep
nesting), and lets NUL through, which PostgreSQL text refuses; all of them end here.
"""

from datetime import UTC
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from schemas.command_bodies import IncidentCommandBody
from schemas.commands import BODIES
from schemas.reports import Report, is_plausible

MAX_BODY_BYTES = 1_048_576
T = TypeVar("T")

_FIELDS = frozenset(Report.__struct_fields__) - {"extras"}


class _KnownFields(Report, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A report with nothing unknown in it."""


_known_fields = msgspec.json.Decoder(_KnownFields).decode


class Undecodable(ValueError):
    """What came in cannot be read as what it should be. `syntax` = not even JSON (HTTP 400; else 422)."""

    def __init__(self, reason: str, *, syntax: bool) -> None:
        super().__init__(reason)
        self.syntax = syntax


def decode_json(raw: bytes) -> object:
    """Any JSON value without NUL and lone surrogates."""
    try:
        value: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not JSON: {error}", syntax=True) from error
    except RecursionError as error:
        raise Undecodable("nested too deeply", syntax=True) from error
    if b"\\u0000" in raw and _has_nul(value):
        raise Undecodable("a text contains NUL (U+0000)", syntax=False)
    return value


def convert(value: object, kind: type[T]) -> T:
    """A decoded JSON value as a struct of ours."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Undecodable(str(error), syntax=False) from error


def report_from(value: object) -> tuple[Report, tuple[str, ...]]:
    """A report and the warnings about what was not known in it; unknown fields are kept in `extras`."""
    if not isinstance(value, dict):
        raise Undecodable("a report is a JSON object", syntax=False)
    warnings: tuple[str, ...] = ()
    if unknown := value.keys() - _FIELDS:
        named = sorted(unknown)
        value = {name: value[name] for name in value if name in _FIELDS} | {"extras": {n: value[n] for n in named}}
        warnings = tuple(f"unknown-field: {name[:60]}" for name in named if name != "extras")
    return _with_content(convert(value, Report)), warnings


def decode_report(raw: bytes) -> tuple[Report, tuple[str, ...]]:
    """One report from bytes, as `report_from`; most have nothing unknown in them and are read in one step."""
    if b"\\u0000" not in raw and b'"extras"' not in raw:
        try:
            return _with_content(_known_fields(raw)), ()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # in two steps it is said what is wrong
    return report_from(decode_json(raw))


def _with_content(report: Report) -> Report:
    if not (report.text or "").strip() and not (report.category or "").strip():
        raise Undecodable("a report needs text or category", syntax=False)
    return report


def command_body_from(verb: str, value: object) -> IncidentCommandBody:
    """The body of a command about an incident, its instants in UTC; strict: an unknown field is refused."""
    body = convert({} if value is None else value, BODIES[verb][0])
    for name in ("promised_at", "until"):
        at = getattr(body, name, None)
        if at is None:
            continue
        if not is_plausible(at):
            raise Undecodable(f"{name} is no date of this age", syntax=False)
        body = replace(body, **{name: at.astimezone(UTC)})
    return body


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
