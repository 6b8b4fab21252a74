"""Sound that is a row of frames (MP3, AAC, AMR): the frames are kept, tags before, behind and between are not."""

from collections.abc import Callable
from typing import Final

from dispatcher.attachments.kinds import after_id3
from dispatcher.attachments.refused import damaged

# Length in bytes of the frame at a place, None = no frame is there.
FrameLength = Callable[[bytes, int], int | None]

_KBITS: Final = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2
}
_HERTZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_TAGS: Final = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
_LONGEST_REST: Final = 2048  # a last frame that was cut off is shorter
_LEAST_FRAMES: Final = 2
_AMR: Final = {b"#!AMR\n": (12, 13, 15, 17, 19, 20, 26, 31, 5), b"#!AMR-WB\n": (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)}
_NOTHING: Final = {15: 0, 14: 0}  # no data; lost


def clean_mp3(raw: bytes) -> bytes:
    return _frames(raw, after_id3(raw), _mp3_length)


def clean_aac(raw: bytes) -> bytes:
    return _frames(raw, after_id3(raw), _adts_length)


def clean_amr(raw: bytes) -> bytes:
    return _clean_amr(raw, b"#!AMR\n")


def clean_amr_wb(raw: bytes) -> bytes:
    return _clean_amr(raw, b"#!AMR-WB\n")


def _clean_amr(raw: bytes, magic: bytes) -> bytes:
    lengths = dict(enumerate(_AMR[magic])) | _NOTHING

    def length(raw: bytes, place: int) -> int | None:
        head = raw[place]
        found = lengths.get(head >> 3 & 0x0F)
        return None if found is None or head & 0x83 else 1 + found

    return magic + _frames(raw, len(magic), length)


def _frames(raw: bytes, start: int, length_at: FrameLength) -> bytes:
    """All frames from `start` on. What follows them is a tag or the beginning of a frame, else FileRefused."""
    place, count = start, 0
    while place < len(raw) and (length := length_at(raw, place)) is not None and place + length <= len(raw):
        place += length
        count += 1
    if count < _LEAST_FRAMES:
        raise damaged("begins like a sound file but holds no sound")
    rest = raw[place : place + 16]
    if len(raw) - place > _LONGEST_REST and not rest.startswith(_TAGS) and raw[place:].strip(b"\0"):
        raise damaged("a sound file that breaks off in the middle")
    return raw[start:place]


def _mp3_length(raw: bytes, place: int) -> int | None:
    """MPEG 1, 2 and 2.5, layer III, with a bit rate (a "free" one names no length)."""
    head = raw[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, hertz = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in {0, 15} or hertz == 3:
        return None
    kbits = _KBITS[3 if version == 3 else 2][rate]
    return (144 if version == 3 else 72) * kbits * 1000 // _HERTZ[version][hertz] + (head[2] >> 1 & 1)


def _adts_length(raw: bytes, place: int) -> int | None:
    head = raw[place : place + 6]
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else None
