"""The interface described for machines."""

from functools import cache
from importlib.resources import files

from litestar import Response, get


@get("/openapi.json", sync_to_thread=False)
def show_openapi() -> Response[bytes]:
    """The OpenAPI 3.1 document, as generated."""
    return Response(_openapi(), media_type="application/json")


@cache
def _openapi() -> bytes:
    return (files("schemas") / "generated" / "openapi.json").read_bytes()
