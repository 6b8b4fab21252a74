"""CloudEvents 1.0 on Kafka: both content modes in, binary mode out.

What cannot be read raises `Undecodable`; its reason begins with a code of `CODES` and tells nothing of the content.
An unreadable `time` reads as None, since nobody decides by it and a report must not be lost for it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from schemas.decode import MAX_BODY_BYTES, Undecodable, decode_json
from schemas.notices import OutgoingMessage

HeaderPairs = Iterable[tuple[str, bytes | None]]
Headers = Mapping[str, bytes | None] | HeaderPairs | None

CODES: Final = (
    "tombstone",
    "too-large",
    "header-bomb",
    "wrong-content-type",
    "unsupported-specversion",
    "missing-attribute",
    "bad-attribute",
    "data-base64",
    "not-json",
    "not-an-envelope",
    "unknown-type",
    "not-a-report",
    "not-a-command",
)
MAX_HEADERS: Final = 64
MAX_HEADER_BYTES: Final = 16_384
_LETTER_HEADER_CHARS: Final = 512
_LONGEST_ATTRIBUTE: Final = 200
_ATTRIBUTES: Final = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype"})
_STRUCTURED: Final = "application/cloudevents"
_JSON: Final = re.compile(r"(application|text)/(json|[a-z0-9.+_-]+\+json)")
_HARMLESS: Final = re.compile(r"[A-Za-z0-9._/+*-]{1,80}")
_QUOTED: Final = re.compile(r"`([^`]*)`")
_OF_A_DECODER: Final = re.compile(r"[A-Za-z0-9._$|\[\] -]{1,80}")  # names of types and fields, paths
_NOT_PRINTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_Aware = Annotated[datetime, Meta(tz=True)]


class Envelope(Struct, frozen=True, kw_only=True):
    """One event: its attributes and its data, still encoded as JSON. Extension attributes are not kept."""

    id: str
    source: str
    type: str
    data: bytes
    subject: str | None = None
    time: datetime | None = None


def read_envelope(value: bytes | None, headers: Headers) -> Envelope:
    """An event from a message's value and headers; the last of two headers of one name counts."""
    pairs = _pairs(headers)
    if value is None:
        raise unreadable("tombstone")
    if len(value) > MAX_BODY_BYTES:
        raise unreadable("too-large", f"{len(value)} bytes")
    size = sum(len(name) + len(said or b"") for name, said in pairs)
    if len(pairs) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise unreadable("header-bomb", f"{len(pairs)} headers, {size} characters")
    found = _texts(pairs)
    if found.get("content-type", "").strip().lower().startswith(_STRUCTURED):
        return _structured(value, found["content-type"])
    return _binary(value, found)


def event_id(value: bytes | None, headers: Headers) -> str | None:
    """The id of an event that may be unreadable otherwise, so that its sender can be told."""
    try:
        return read_envelope(value, headers).id
    except Undecodable:
        said = _texts(_pairs(headers)[-MAX_HEADERS:]).get("ce_id", "")
        return said if _is_attribute(said) else None


def binary_headers(message: OutgoingMessage) -> list[tuple[str, bytes]]:
    """The Kafka headers of a message in binary mode; its value is `message.data`."""
    time = msgspec.to_builtins(message.time)
    return [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", message.id.encode()),
        ("ce_source", message.source.encode()),
        ("ce_type", message.type.encode()),
        ("ce_time", str(time).encode()),
    ]


def letter_headers(headers: Headers) -> dict[str, str]:
    """As many headers as a dead letter keeps, as text that every database takes."""
    kept = _pairs(headers)[:MAX_HEADERS]
    return {_printable(name): _printable((said or b"").decode("utf-8", "replace")) for name, said in kept}


def unreadable(code: str, detail: str = "") -> Undecodable:
    """The error for a code of `CODES`."""
    return Undecodable(f"{code}: {detail}" if detail else code, syntax=code == "not-json")


def reason_of(error: Undecodable, code: str) -> str:
    """What a decoder said, under a code, without words of the sender that are no plain names."""
    said = _QUOTED.sub(lambda hit: hit[0] if _OF_A_DECODER.fullmatch(hit[1]) else "`…`", str(error))
    said = said.removeprefix("not JSON: ")
    return f"{'not-json' if error.syntax else code}: {said[:160]}"


def harmless(word: str) -> str:
    """A word of the sender if it can only be a name of something technical, else a mark."""
    return word if _HARMLESS.fullmatch(word) else "…"


def _binary(value: bytes, found: Mapping[str, str]) -> Envelope:
    _check_json(found.get("content-type"))
    attributes = {name[3:]: text for name, text in found.items() if name.startswith("ce_")}
    return _envelope(attributes, value)


def _structured(value: bytes, content_type: str) -> Envelope:
    kind, charset = _media_type(content_type)
    if kind != f"{_STRUCTURED}+json" or charset != "utf-8":
        raise unreadable("wrong-content-type", harmless(kind))
    parts = _members(value)
    if "data_base64" in parts:
        raise unreadable("data-base64")
    data = parts.pop("data", msgspec.Raw(b"null"))
    attributes = {name: _member(name, raw) for name, raw in parts.items() if name in _ATTRIBUTES}
    _check_json(attributes.get("datacontenttype"))
    return _envelope(attributes, bytes(data))


def _members(value: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise unreadable("not-an-envelope") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("not-json", "the envelope") from error


def _member(name: str, raw: msgspec.Raw) -> object:
    try:
        return decode_json(bytes(raw))
    except Undecodable as error:
        raise unreadable("bad-attribute", name) from error


def _envelope(attributes: Mapping[str, object], data: bytes) -> Envelope:
    if (version := _attribute(attributes, "specversion")) != "1.0":
        raise unreadable("unsupported-specversion", harmless(version))
    subject = attributes.get("subject")
    return Envelope(
        id=_attribute(attributes, "id"),
        source=_attribute(attributes, "source"),
        type=_attribute(attributes, "type"),
        subject=subject if isinstance(subject, str) else None,
        time=_time(attributes.get("time")),
        data=data,
    )


def _attribute(attributes: Mapping[str, object], name: str) -> str:
    found = attributes.get(name)
    if found is None or found == "":
        raise unreadable("missing-attribute", name)
    if not isinstance(found, str) or not _is_attribute(found):
        raise unreadable("bad-attribute", name)
    return found


def _is_attribute(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_ATTRIBUTE and not _NOT_PRINTED.search(text)


def _time(said: object) -> datetime | None:
    try:
        return msgspec.convert(said, _Aware)
    except msgspec.ValidationError:
        return None


def _check_json(content_type: object) -> None:
    """Left out means JSON, as in structured mode."""
    if content_type is None:
        return
    if not isinstance(content_type, str):
        raise unreadable("bad-attribute", "datacontenttype")
    kind, charset = _media_type(content_type)
    if not _JSON.fullmatch(kind) or charset not in {"utf-8", "us-ascii"}:
        raise unreadable("wrong-content-type", harmless(kind))


def _media_type(content_type: str) -> tuple[str, str]:
    """Kind and character set, lower case."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    named = dict(parameter.partition("=")[::2] for parameter in parameters)
    return kind, named.get("charset", "utf-8").strip('" ')


def _pairs(headers: Headers) -> list[tuple[str, bytes | None]]:
    if headers is None:
        return []
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def _texts(pairs: HeaderPairs) -> dict[str, str]:
    """Names in lower case; what is no UTF-8 gets replacement marks, with which it cannot be an attribute."""
    return {name.lower(): said.decode("utf-8", "replace") for name, said in pairs if said is not None}


def _printable(text: str) -> str:
    return _NOT_PRINTED.sub("\ufffd", text[:_LETTER_HEADER_CHARS])
