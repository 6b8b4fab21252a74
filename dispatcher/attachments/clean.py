"""One file on its way in: sniffed, cleaned, measured."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from dispatcher.attachments.frames import clean_aac, clean_amr, clean_amr_wb, clean_mp3
from dispatcher.attachments.images import clean_image
from dispatcher.attachments.kinds import ACCEPTED, sniff
from dispatcher.attachments.mp4 import clean_mp4
from dispatcher.attachments.ogg import clean_ogg
from dispatcher.attachments.refused import FileRefused
from dispatcher.attachments.wav import clean_wav

_SOUNDS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "audio/mpeg": clean_mp3,
    "audio/aac": clean_aac,
    "audio/mp4": clean_mp4,
    "audio/3gpp": clean_mp4,
    "audio/ogg": clean_ogg,
    "audio/wav": clean_wav,
    "audio/amr": clean_amr,
    "audio/amr-wb": clean_amr_wb,
}


class Cleaned(Struct, frozen=True, kw_only=True):
    """What is kept. Width, height (pixels, as seen upright) and `thumbnail` (JPEG) of pictures only."""

    media_type: str
    content: bytes
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None


def clean(raw: bytes) -> Cleaned:
    """The file without its metadata. Raises FileRefused; whatever it raises, `raw` was not what we take."""
    if not raw:
        raise FileRefused("EmptyFile", "the file is empty")
    media_type = sniff(raw)
    if media_type is None:
        raise FileRefused("UnsupportedFile", f"by its content this is none of: {ACCEPTED}")
    if media_type in _SOUNDS:
        return Cleaned(media_type=media_type, content=_SOUNDS[media_type](raw))
    picture = clean_image(raw, media_type)
    return Cleaned(
        media_type=media_type,
        content=picture.content,
        width=picture.width,
        height=picture.height,
        thumbnail=picture.thumbnail,
    )
