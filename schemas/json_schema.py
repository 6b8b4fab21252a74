"""JSON Schemas (2020-12) of our structs."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def components(types: Iterable[object], where: str) -> dict[str, Schema]:
    """Schemas of the types and of all they mention, by name; they refer to each other under `where`, like "#/$defs"."""
    _, found = msgspec.json.schema_components(types, schema_hook=_any_json, ref_template=f"{where}/{{name}}")
    return _plain(dict(sorted(found.items())))


def document(kind: type[Struct]) -> Schema:
    """A schema that stands for itself."""
    (top,), found = msgspec.json.schema_components([kind], schema_hook=_any_json, ref_template="#/$defs/{name}")
    return _plain({"$schema": DIALECT, "title": kind.__name__, **top, "$defs": dict(sorted(found.items()))})


def _plain(schema: Schema) -> Schema:
    """Without tuples, as a reader of the file gets it."""
    return msgspec.json.decode(msgspec.json.encode(schema), type=Schema)


def _any_json(kind: type) -> Schema:
    if kind is object:
        return {"description": "any JSON value"}
    raise NotImplementedError(kind)
