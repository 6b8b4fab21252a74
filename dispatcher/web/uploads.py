"""Files that people send: spooled while they come in, cleaned and kept by the engine's keeper."""

import asyncio
import tempfile
from contextlib import closing
from typing import IO, Final

from litestar.datastructures import UploadFile

from dispatcher.attachments import FileRefused
from dispatcher.service.file_keeper import MAX_FILE_BYTES
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import Engine
from dispatcher.web.problems import Refuse
from schemas import outcomes as out
from schemas.decode import Undecodable

# What a body may hold beside the file: boundaries and headers of the parts.
WRAPPING_BYTES: Final = 65_536
_IN_MEMORY_BYTES: Final = 1_048_576
MULTIPART: Final = "multipart/form-data"
_STATUS: Final = {"UnsupportedFile": 415}


async def spooled(request: AnyRequest) -> IO[bytes]:
    """The one file of this request, as its body or as a part of it. Raises Refuse (413, 422) or Undecodable.

    The caller closes it. Names that came with it are not looked at.
    """
    if request.content_type[0] == MULTIPART:
        files = (await parts(request))[1]
        if len(files) != 1:
            raise Refuse(422, "OneFile", f"this takes one file at a time, not {len(files)}")
        return files[0]
    if (request.content_length or 0) > MAX_FILE_BYTES:
        raise too_large()
    file, size = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES), 0  # noqa: SIM115 - the caller's
    async for part in request.stream():
        size += len(part)
        if size > MAX_FILE_BYTES:
            file.close()
            raise too_large()
        file.write(part)
    return file


async def parts(request: AnyRequest) -> tuple[dict[str, str], list[IO[bytes]]]:
    """Texts and files of a multipart form; a file input left empty is neither. Raises Refuse (413) or Undecodable."""
    try:
        form = await request.form()
    except (LookupError, UnicodeDecodeError) as error:
        raise Undecodable("a part of this form is no text", syntax=True) from error
    texts: dict[str, str] = {}
    files: list[IO[bytes]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append(value.file)
        else:
            texts[name] = value
    if any(_size(file) > MAX_FILE_BYTES for file in files):
        raise too_large()
    return texts, files


async def kept(engine: Engine, file: IO[bytes], command_id: str | None) -> out.Outcome:
    """Keep it; the file is closed. Raises Refuse when it is none of what we take, StoreUnavailable.

    Shielded: when the client goes away, what was begun is finished.
    """
    with closing(file):
        try:
            return await asyncio.shield(asyncio.wrap_future(engine.keeper.submit(file, command_id)))
        except FileRefused as refused:
            raise Refuse(_STATUS.get(refused.title, 422), refused.title, str(refused)) from None


async def kept_id(engine: Engine, file: IO[bytes], command_id: str) -> str:
    """Its id, as `kept`; the same file sent again under the same `command_id` gets the same one."""
    outcome = await kept(engine, file, command_id)
    if not isinstance(outcome, out.AttachmentKept):
        raise Refuse(422, "OtherFile", "this form was sent before with another file")
    return outcome.answer.attachment_id


def too_large() -> Refuse:
    return Refuse(413, "BodyTooLarge", f"a file holds at most {MAX_FILE_BYTES} bytes")


def _size(file: IO[bytes]) -> int:
    return file.seek(0, 2)
