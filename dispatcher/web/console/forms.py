"""What a form sent, as the JSON value that the API would have got; so both go through one decode boundary."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec

from dispatcher.web.asking import AnyRequest
from schemas.decode import Undecodable, decode_json

_MOST_FIELDS: Final = 50


async def fields_of(request: AnyRequest) -> dict[str, str]:
    """Fields of an urlencoded form, trimmed, the empty ones left out. Raises Undecodable."""
    raw = await request.body()
    try:
        pairs = parse_qsl(raw.decode("ascii"), max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise Undecodable("this is no form", syntax=True) from error
    return {name: text for name, value in pairs if (text := value.strip())}


def json_value(value: object) -> object:
    """The same value, past everything that a JSON body is checked for."""
    return decode_json(msgspec.json.encode(value))


def numbers(fields: Mapping[str, str], names: Iterable[str]) -> dict[str, float | str]:
    """What can be read as a number; the rest stays text, and is refused by its type."""
    return {name: _number(fields[name]) for name in names if name in fields}


def instant(text: str | None, zone: ZoneInfo) -> str | None:
    """A local time of an input field with its offset; what is no time stays as it is, to be refused by its type."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
