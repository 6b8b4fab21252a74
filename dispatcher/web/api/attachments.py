"""Photos and voice notes: sent first, then named by a report or an answer; read by whoever reads the incident."""

import re
from typing import Final

from litestar import Response, get, post

from dispatcher.attachments.kinds import SUFFIXES
from dispatcher.service.file_keeper import MAX_FILE_BYTES
from dispatcher.store import StoredAttachment
from dispatcher.web import asking, rendering
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import engine_of
from dispatcher.web.problems import DETAILS, Refuse
from dispatcher.web.uploads import WRAPPING_BYTES, kept, spooled

_THUMBNAIL_TYPE: Final = "image/jpeg"
_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")
# Whatever a stranger's file may do in a browser, it does it as nobody.
_HARMLESS: Final = {
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
}


@post("/attachments", request_max_body_size=MAX_FILE_BYTES + WRAPPING_BYTES)
async def keep_attachment(request: AnyRequest) -> Response[bytes]:
    """Take one file, as the body or as a part of a form; 201 with its id, by which a report or a command names it."""
    key = asking.idempotency_key(request)
    outcome = await kept(engine_of(request), await spooled(request), key)
    return rendering.outcome(outcome)


@get("/attachments/{attachment_id:str}", sync_to_thread=True)
def show_attachment(request: AnyRequest) -> Response[bytes]:
    """The cleaned file."""
    stored = _stored(request)
    return _file(request, stored.sha256, stored.media_type, stored.attachment_id)


@get("/attachments/{attachment_id:str}/thumbnail", sync_to_thread=True)
def show_thumbnail(request: AnyRequest) -> Response[bytes]:
    """A JPEG of at most 320 × 320 pixels."""
    stored = _stored(request)
    if stored.thumbnail is None:
        raise Refuse(404, "NoThumbnail", "only pictures have one")
    return _file(request, stored.thumbnail, _THUMBNAIL_TYPE, f"{stored.attachment_id}-small")


def _stored(request: AnyRequest) -> StoredAttachment:
    attachment_id = asking.attachment_id(request)
    found = engine_of(request).store.attachments([attachment_id]).get(attachment_id)
    if found is None:
        raise Refuse(404, "UnknownAttachment", DETAILS["UnknownAttachment"])
    if found.erased_at is not None:
        raise Refuse(410, "Erased", "this attachment was erased")
    return found


def _file(request: AnyRequest, name: str | None, media_type: str, called: str) -> Response[bytes]:
    tag = f'"{name}"'
    headers = _HARMLESS | {"etag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    content = None if name is None else engine_of(request).keeper.read(name)
    if content is None:  # erased a moment ago, or lost
        raise Refuse(410, "Erased", "this attachment is not there any more")
    headers["content-disposition"] = f'inline; filename="{called}.{SUFFIXES[media_type]}"'
    return _ranged(request.headers.get("range", ""), content, media_type, headers)


def _ranged(asked: str, content: bytes, media_type: str, headers: dict[str, str]) -> Response[bytes]:
    """The whole, or the one range that a player asked for; several ranges are answered by the whole."""
    found, size = _RANGE.fullmatch(asked.strip()), len(content)
    if found is None or not any(found.groups()):
        return Response(content, media_type=media_type, headers=headers)
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise Refuse(416, "RangeNotSatisfiable", f"this file has {size} bytes")
    headers |= {"content-range": f"bytes {start}-{end - 1}/{size}"}
    return Response(content[start:end], status_code=206, media_type=media_type, headers=headers)
