"""What a file is, from its first bytes; neither its name nor what its sender says counts."""

from typing import Final

ACCEPTED: Final = "JPEG, PNG and WebP pictures; MP3, M4A, AAC, 3GP, Ogg (Opus, Vorbis, Speex), WAV and AMR sound"
SUFFIXES: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/3gpp": "3gp",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/amr": "amr",
    "audio/amr-wb": "awb",
}
_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR-WB\n", "audio/amr-wb"),
    (b"#!AMR\n", "audio/amr"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}


def sniff(raw: bytes) -> str | None:
    """The media type that `raw` claims by its beginning, None = nothing we take. Whether it is one, cleaning shows."""
    for beginning, media_type in _BEGINNINGS:
        if raw.startswith(beginning):
            return media_type
    if raw[:4] == b"RIFF":
        return _RIFF.get(raw[8:12])
    if raw[4:8] == b"ftyp":
        return "audio/3gpp" if raw[8:11] in {b"3gp", b"3g2"} else "audio/mp4"
    return _frames_after(raw, after_id3(raw))


def after_id3(raw: bytes) -> int:
    """Where what follows an ID3v2 tag (or several, and padding) begins."""
    place = 0
    while raw[place : place + 3] == b"ID3" and len(raw) >= place + 10:
        size = 0
        for byte in raw[place + 6 : place + 10]:
            size = size << 7 | byte & 0x7F
        place += 10 + size + (10 if raw[place + 5] & 0x10 else 0)
    while place and raw[place : place + 1] == b"\0":
        place += 1
    return place


def _frames_after(raw: bytes, place: int) -> str | None:
    """MPEG audio begins with eleven ones; the layer tells MP3 (III) from AAC (none)."""
    first, second = raw[place : place + 1], raw[place + 1 : place + 2]
    if first != b"\xff" or not second or second[0] & 0xE0 != 0xE0:
        return None
    return {0x02: "audio/mpeg", 0x00: "audio/aac"}.get(second[0] & 0x06)
