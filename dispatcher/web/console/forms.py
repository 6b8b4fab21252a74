"""What a form sent, as the JSON value that the API would have got; so both go through one decode boundary."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, Final, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec

from dispatcher.service.file_keeper import MAX_FILE_BYTES
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine
from dispatcher.web.uploads import MULTIPART, kept_id, parts
from schemas.decode import Undecodable, decode_json

_MOST_FIELDS: Final = 50
# A form may bring some files; each has a limit of its own.
MAX_FORM_BYTES: Final = 4 * MAX_FILE_BYTES


class Form(NamedTuple):
    """Fields trimmed, the empty ones left out; files as they came."""

    fields: dict[str, str]
    files: list[IO[bytes]]


async def form_of(request: AnyRequest) -> Form:
    """A form, urlencoded or with files. Raises Undecodable, or Refuse when a file is too large."""
    if request.content_type[0] == MULTIPART:
        texts, files = await parts(request)
        return Form(_filled(texts.items()), files)
    raw = await request.body()
    try:
        pairs = parse_qsl(raw.decode("ascii"), max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise Undecodable("this is no form", syntax=True) from error
    return Form(_filled(pairs), [])


async def keep_files(engine: Engine, form: Form, key: str) -> None:
    """Keep the form's files and note their ids in its fields, so that they need not be chosen again.

    `key` = the form's own, so that pressing twice keeps them once. Raises Refuse when one is none of what we take.
    """
    ids = attachments_of(form.fields)
    try:
        for number, file in enumerate(form.files, start=len(ids)):
            ids.append(await kept_id(engine, file, f"console-{key}-file{number}"))
    finally:
        if ids:
            form.fields["attachments"] = ",".join(ids)


def attachments_of(fields: Mapping[str, str]) -> list[str]:
    """Ids of what was kept with this form, or when it was sent before."""
    return [each for each in fields.get("attachments", "").split(",") if each]


def _filled(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
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
