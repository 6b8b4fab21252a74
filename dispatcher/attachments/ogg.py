"""Ogg: pages of one stream, each with a checksum; its second packet is the comments, overwritten where it stands."""

import zlib
from collections.abc import Iterator
from struct import pack, pack_into
from typing import Final, NamedTuple

from dispatcher.attachments.refused import damaged

_HEAD: Final = 27
_CRC_AT: Final = 22
_CONTINUED, _FIRST = 1, 2
_NO_COMMENTS: Final = bytes(8)  # no vendor, no entries
_COMMENTS: Final = {
    b"OpusHead": b"OpusTags" + _NO_COMMENTS,
    b"\x01vorbis": b"\x03vorbis" + _NO_COMMENTS + b"\x01",
    b"Speex   ": _NO_COMMENTS,
}
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    place: int
    body: int
    end: int
    flags: int
    serial: bytes
    lacing: bytes


def clean_ogg(raw: bytes) -> bytes:
    """The same stream without comments. Raises FileRefused for other codecs, several streams, wrong checksums."""
    pages = list(_pages(raw))
    if not pages or (pages[-1].end + _HEAD < len(raw) and raw[pages[-1].end :][:4] != b"OggS"):
        raise damaged("an Ogg file with something else behind it")
    if len({page.serial for page in pages}) > 1 or sum(page.flags & _FIRST > 0 for page in pages) != 1:
        raise damaged("an Ogg file of more than one stream")
    first = raw[pages[0].body : pages[0].end]
    empty = next((made for begins, made in _COMMENTS.items() if first.startswith(begins)), None)
    if empty is None:
        raise damaged("an Ogg file that is neither Opus nor Vorbis nor Speex")
    return _without_comments(raw[: pages[-1].end], pages, empty)


def _pages(raw: bytes) -> Iterator[_Page]:
    """Whole pages; the last one may have been cut off."""
    place = 0
    while raw[place : place + 4] == b"OggS" and place + _HEAD <= len(raw):
        lacing = raw[place + _HEAD : place + _HEAD + raw[place + 26]]
        body = place + _HEAD + len(lacing)
        end = body + sum(lacing)
        if end > len(raw) or len(lacing) < raw[place + 26]:
            return
        if _checksum(raw[place:end]) != raw[place + _CRC_AT : place + _CRC_AT + 4]:
            raise damaged("an Ogg file with a wrong checksum")
        yield _Page(place, body, end, raw[place + 5], raw[place + 14 : place + 18], lacing)
        place = end


def _without_comments(raw: bytes, pages: list[_Page], empty: bytes) -> bytes:
    """Overwrite packet number 1 with an empty one of the same length; padding is allowed there."""
    made = bytearray(raw)
    parts = [part for part in _parts(pages) if part[0] == 1]
    length = sum(end - start for _, _, start, end in parts)
    if length < len(empty):
        raise damaged("an Ogg file without comments and sound")
    padded = empty + bytes(length - len(empty))
    for _, page, start, end in parts:
        made[start:end], padded = padded[: end - start], padded[end - start :]
        pack_into("4s", made, page.place + _CRC_AT, _checksum(bytes(made[page.place : page.end])))
    return bytes(made)


def _parts(pages: list[_Page]) -> Iterator[tuple[int, _Page, int, int]]:
    """(number of the packet, page, start, end) of every piece, up to the third packet."""
    packet = 0
    for page in pages:
        start = place = page.body
        for size in page.lacing:
            place += size
            if size < 255:
                yield packet, page, start, place
                packet, start = packet + 1, place
        if place > start:
            yield packet, page, start, place
        if packet > 2:
            return


def _checksum(page: bytes) -> bytes:
    """CRC-32 with the most significant bit first, which zlib reckons on mirrored bytes."""
    zeroed = page[:_CRC_AT] + bytes(4) + page[_CRC_AT + 4 :]
    mirrored = zlib.crc32(zeroed.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return pack(">I", mirrored).translate(_MIRRORED)
