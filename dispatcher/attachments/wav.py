"""WAV: a RIFF file of chunks, of which format, frame count and samples are kept."""

from struct import pack, unpack_from
from typing import Final

from dispatcher.attachments.refused import damaged

_KEPT: Final = (b"fmt ", b"fact", b"data")
_UNKNOWN_SIZE: Final = 0xFFFF_FFFF  # written by recorders that could not go back


def clean_wav(raw: bytes) -> bytes:
    """Without LIST, bext, id3 and all other chunks. Raises FileRefused when chunks run over the end of the file."""
    chunks: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(raw):
        name, size = unpack_from("<4sI", raw, place)
        if name == b"data" and size == _UNKNOWN_SIZE:
            size = len(raw) - place - 8
        content = raw[place + 8 : place + 8 + size]
        if len(content) < size:
            raise damaged("a WAV file that ends too early")
        if name in _KEPT:
            chunks.setdefault(name, content)
        place += 8 + size + size % 2
    if len(chunks.get(b"fmt ", b"")) < 16 or not chunks.get(b"data"):
        raise damaged("a WAV file without sound")
    body = b"".join(_chunk(name, chunks[name]) for name in _KEPT if name in chunks)
    return b"RIFF" + pack("<I", 4 + len(body)) + b"WAVE" + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
