"""M4A, MP4 and 3GP: boxes in boxes. What a player does not need is blanked where it stands.

Boxes keep their sizes, because other boxes hold offsets into the file. Phones write the place of the recording into
`udta` or `meta`; both become `free`, like everything else that is not on the list of what a player needs.
"""

from struct import unpack_from
from typing import Final, NamedTuple

from dispatcher.attachments.refused import FileRefused, damaged

_CONTAINERS: Final = frozenset(
    b"moov trak mdia minf dinf stbl edts mvex moof traf".split()  # the first letters of what they hold mean nothing
)
_KEPT: Final = _CONTAINERS | frozenset(
    b"ftyp styp mdat sidx mvhd tkhd mdhd hdlr smhd dref stsd stts stsc stsz stz2 stco co64 ctts stss sgpd sbgp elst"
    b" mehd trex mfhd tfhd tfdt trun iods".split()
)
_DATED: Final = frozenset((b"mvhd", b"tkhd", b"mdhd"))
_SOUND: Final = b"soun"
_DEEPEST: Final = 8


class _Box(NamedTuple):
    kind: bytes
    start: int
    content: int
    end: int


def clean_mp4(raw: bytes) -> bytes:
    """The same file, blanked. Raises FileRefused when it is no sound, or boxes run over their ends."""
    made, tracks = bytearray(raw), list[bytes]()
    kinds = [box.kind for box in _blanked(made, 0, len(made), tracks, 0)]
    if b"moov" not in kinds or b"mdat" not in kinds or not tracks:
        raise damaged("an MP4 file without sound")
    if set(tracks) != {_SOUND}:
        raise FileRefused("UnsupportedFile", "an MP4 file with something else than sound in it")
    return bytes(made)


def _blanked(made: bytearray, start: int, end: int, tracks: list[bytes], depth: int) -> list[_Box]:
    """Blank what need not be there between two places; handlers of tracks are added to `tracks`."""
    if depth > _DEEPEST:
        raise damaged("an MP4 file of boxes in boxes in boxes")
    boxes = _boxes(made, start, end)
    for box in boxes:
        if box.kind in _CONTAINERS:
            _blanked(made, box.content, box.end, tracks, depth + 1)
        elif box.kind not in _KEPT:
            made[box.start + 4 : box.start + 8] = b"free"
            made[box.content : box.end] = bytes(box.end - box.content)
        elif box.kind == b"hdlr":
            tracks.append(bytes(made[box.content + 8 : box.content + 12]))
        elif box.kind in _DATED and box.end > box.content:
            size = 16 if made[box.content] == 1 else 8
            if box.content + 4 + size > box.end:
                raise damaged("an MP4 file with a box that is too short")
            made[box.content + 4 : box.content + 4 + size] = bytes(size)
    return boxes


def _boxes(made: bytearray, start: int, end: int) -> list[_Box]:
    boxes = []
    while start < end:
        if end - start < 8:
            raise damaged("an MP4 file with a torn box")
        size, kind = unpack_from(">I4s", made, start)
        content = start + 8
        if size == 1 and end - start >= 16:
            size, content = unpack_from(">Q", made, start + 8)[0], start + 16
        elif size == 0:  # up to the end of what it is in
            size = end - start
        if size < content - start or start + size > end:
            raise damaged("an MP4 file that ends too early, or with boxes that do not fit")
        boxes.append(_Box(kind, start, content, start + size))
        start += size
    return boxes
