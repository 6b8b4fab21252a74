"""The style sheet, the script that lets pages follow, the icon; nothing is loaded from elsewhere."""

from functools import cache
from importlib.resources import files
from typing import Final

from litestar import Response, get

from dispatcher.web.asking import AnyRequest
from dispatcher.web.problems import Refuse

_MEDIA: Final = {"console.css": "text/css", "icon.svg": "image/svg+xml", "live.js": "text/javascript"}


@get("/static/{name:str}", sync_to_thread=False)
def show_static(request: AnyRequest) -> Response[bytes]:
    """Only files named here, so no path leads outside."""
    name = str(request.path_params["name"])
    if name not in _MEDIA:
        raise Refuse(404, "NotFound", "there is no such file")
    return Response(_static(name), media_type=_MEDIA[name], headers={"cache-control": "max-age=300"})


@cache
def _static(name: str) -> bytes:
    return (files(__package__) / "static" / name).read_bytes()
