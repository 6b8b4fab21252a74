"""The OpenAPI 3.1 document, from the table of routes and the structs."""

import re
from collections import defaultdict
from typing import Any, Final

from msgspec import Struct

from schemas import http_route as http
from schemas import refusals, views
from schemas.http_route import Parameter, Route
from schemas.http_routes import ROUTES
from schemas.ids import ULID
from schemas.json_schema import Schema, components

_WHERE: Final = "#/components/schemas"
_PROBLEM: Final = "application/problem+json"
_ULID: Final = f"^{ULID}$"
_RESPONDER: Final = "^[a-z0-9][a-z0-9-]*$"
_FORM: Final = "multipart/form-data"
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_AS_IT_IS: Final = {http.TEXT: {"type": "string"}, http.FILE: _BINARY, http.PICTURE: _BINARY}
_ABOUT: Final = (
    "Reports in, incidents and commands about them. Errors are application/problem+json with the refusal's name as "
    "title. 503 with Retry-After means that nothing was acknowledged. Bodies hold at most 1 MiB unless said."
)


def openapi() -> Schema:
    paths: dict[str, Schema] = defaultdict(dict)
    for route in ROUTES:
        paths[route.path][route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Liandong (联动)", "version": "1", "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "http://127.0.0.1:8311"}],
        "paths": dict(paths),
        "components": {
            "schemas": components(_types(), _WHERE),
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types() -> list[type[Struct]]:
    named: list[type[Struct]] = [views.Problem]
    for route in ROUTES:
        named += [kind for kind in (route.takes, route.answers) if kind is not None]
        named += route.refusals
    return list(dict.fromkeys(named))


def _operation(route: Route) -> Schema:
    operation: Schema = {"operationId": route.id, "summary": route.says}
    if parameters := [*_path_parameters(route.path), *map(_parameter, route.parameters)]:
        operation["parameters"] = parameters
    if route.method == "POST":
        operation["requestBody"] = _request(route)
    if route.admin:
        operation["security"] = [{"admin": []}]
    return operation | {"responses": _responses(route)}


def _path_parameters(path: str) -> list[Schema]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _RESPONDER if name == "responder_id" else _ULID},
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.says,
        "schema": {"type": parameter.kind},
    }


def _request(route: Route) -> Schema:
    if route.sends == http.FILE:
        form = {"type": "object", "properties": {"file": _BINARY}, "required": ["file"]}
        return {"required": True, "content": {http.FILE: {"schema": _BINARY}, _FORM: {"schema": form}}}
    if route.takes is None:
        return {"required": True, "content": {http.JSON: {"schema": {"description": "an encoded bundle"}}}}
    one = _ref(route.takes)
    if not route.batch:
        return {"required": "reports" in route.path, "content": {http.JSON: {"schema": one}}}
    content = {http.JSON: {"schema": {"type": "array", "items": one}}, http.LINES: {"schema": one}}
    return {"required": True, "content": content}


def _responses(route: Route) -> Schema:
    media: Schema = {route.media: _answer(route)}
    told: Schema = {str(status): {"description": _DESCRIBED[status], "content": media} for status in route.statuses}
    by_status: dict[int, list[type[refusals.Refusal]]] = defaultdict(list)
    for refusal in route.refusals:
        by_status[_status(route, refusal)].append(refusal)
    for status, possible in sorted(by_status.items()):
        told[str(status)] = _refused([_with_fields(refusal) for refusal in possible], _names(possible))
    return told | {"default": _refused([_ref(views.Problem)], "any other problem")}


def _answer(route: Route) -> Schema:
    if route.media in _AS_IT_IS:
        return {"schema": _AS_IT_IS[route.media]}
    if route.answers is None:
        return {"schema": {"type": "object"}}
    if not route.batch:
        return {"schema": _ref(route.answers)}
    status = {"type": "object", "properties": {"status": {"type": "integer"}}, "required": ["status"]}
    taken = {"allOf": [status, _ref(route.answers)]}
    return {"schema": {"type": "array", "items": {"anyOf": [taken, _ref(views.Problem)]}}}


def _status(route: Route, refusal: type[refusals.Refusal]) -> int:
    """NotYours at the reporter's door is 403: it is about reading, not about the life cycle."""
    if route.id == "showReporter" and refusal is refusals.NotYours:
        return 403
    return refusals.STATUS[refusal.__name__]


def _names(possible: list[type[refusals.Refusal]]) -> str:
    return ", ".join(str(refusal.__struct_config__.tag) for refusal in possible)


def _with_fields(refusal: type[refusals.Refusal]) -> Schema:
    return {"allOf": [_ref(views.Problem), _ref(refusal)]}


def _refused(possible: list[Schema], says: str) -> Schema:
    schema: Any = possible[0] if len(possible) == 1 else {"anyOf": possible}
    return {"description": says, "content": {_PROBLEM: {"schema": schema}}}


def _ref(kind: type[Struct]) -> Schema:
    return {"$ref": f"{_WHERE}/{kind.__name__}"}


_DESCRIBED: Final = {200: "done, or known already", 201: "taken"}
