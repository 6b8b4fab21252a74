"""A batch cut into items, so that a bad one does not stop the others."""

import json
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.decode import Undecodable

MAX_ITEMS: Final = 10_000
_LINE_TYPES: Final = ("ndjson", "jsonl", "json-seq", "jsonlines")
_items = msgspec.json.Decoder(list[msgspec.Raw])
_lenient = json.JSONDecoder()


def split_batch(raw: bytes, content_type: str) -> list[bytes]:
    """The items' bytes, each to be decoded for itself. NDJSON by content type or because it is no array.

    Raises Undecodable when not even the items can be told apart.
    """
    if any(word in content_type.lower() for word in _LINE_TYPES) or not raw.lstrip().startswith(b"["):
        return [line for line in raw.split(b"\n") if line.strip()]
    try:
        return [bytes(item) for item in _items.decode(raw)]
    except msgspec.DecodeError:
        return _split_leniently(raw)
    except RecursionError as error:
        raise Undecodable("nested too deeply", syntax=True) from error


def _split_leniently(raw: bytes) -> list[bytes]:
    """Python's reader passes over NaN and lone surrogates, so their item alone is found guilty later."""
    try:
        return [item.encode() for item in _lenient_items(raw.decode())]
    except (ValueError, IndexError, RecursionError) as error:
        raise Undecodable("not a JSON array", syntax=True) from error


def _lenient_items(text: str) -> Iterator[str]:
    """Of an array with at least one item. Raises ValueError, IndexError or RecursionError."""
    place, sign = _past(text, text.index("[") + 1), ","
    while sign == ",":
        _, end = _lenient.raw_decode(text, place)
        yield text[place:end]
        after = _past(text, end)
        sign = text[after]
        place = _past(text, after + 1) if sign == "," else after + 1
    if sign != "]" or text[place:].strip():
        raise ValueError("no end of the array")


def _past(text: str, place: int) -> int:
    """The first place that is not white space."""
    while text[place] in " \t\r\n":
        place += 1
    return place
