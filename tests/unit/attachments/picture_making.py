"""Pictures with something hidden in them, made for a test."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

HIDDEN = b"HIDDEN-WORDS"
LATITUDE, LONGITUDE = (46.0, 41.0, 24.0), (126.0, 6.0, 0.0)


def drawn(size: tuple[int, int] = (80, 40), mode: str = "RGB") -> Image.Image:
    """The left half red, the right half blue, so that one sees how it was turned."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    return picture.convert(mode)


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = HIDDEN.decode()
    tags[0x8825] = {1: "N", 2: LATITUDE, 3: "E", 4: LONGITUDE, 29: "2025:01:12"}
    return tags


def photo(kind: str = "JPEG", *, orientation: int = 1, size: tuple[int, int] = (80, 40), **settings: object) -> bytes:
    """As a telephone makes it: position, words, and how it was held."""
    if kind == "JPEG":
        settings |= {"comment": HIDDEN}
    return encoded(drawn(size), kind, exif=exif(orientation), icc_profile=b"icc " + HIDDEN, **settings)


def encoded(picture: Image.Image, kind: str, **settings: object) -> bytes:
    made = BytesIO()
    picture.save(made, format=kind, **settings)
    return made.getvalue()


def opened(raw: bytes) -> Image.Image:
    picture = Image.open(BytesIO(raw))
    picture.load()
    return picture


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG that says what it is told to, eight bits of grey."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def segments(jpeg: bytes) -> list[int]:
    """Markers of a JPEG up to its first scan."""
    found, place = [], 2
    while jpeg[place + 1] != 0xDA:
        found.append(jpeg[place + 1])
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return found


def chunks(png_file: bytes) -> list[bytes]:
    found, place = [], 8
    while place < len(png_file):
        found.append(png_file[place + 4 : place + 8])
        place += 12 + int.from_bytes(png_file[place : place + 4], "big")
    return found
