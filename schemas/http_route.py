"""What is said of one route of the HTTP interface."""

from typing import Final, Literal, NamedTuple

from msgspec import Struct

from schemas import refusals as no

Method = Literal["GET", "POST"]
TEXT: Final = "text/plain"
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
FILE: Final = "application/octet-stream"
PICTURE: Final = "image/jpeg"
EVENTS: Final = "text/event-stream"


class Parameter(NamedTuple):
    name: str
    says: str
    where: Literal["query", "header"] = "query"
    kind: Literal["string", "integer"] = "string"


class Route(NamedTuple):
    """`refusals`: problems with fields of their own; every route may also answer a plain Problem.

    `admin` = needs the admin token. `batch` = takes many reports and answers a list. `sends` = media type of the
    request, `media` = of the answer; where that is a stream of events, `answers` is the data of one.
    """

    method: Method
    path: str
    id: str
    says: str
    takes: type[Struct] | None = None
    answers: type[Struct] | None = None
    statuses: tuple[int, ...] = (200,)
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[type[no.Refusal], ...] = ()
    admin: bool = False
    batch: bool = False
    sends: str = JSON
    media: str = JSON
