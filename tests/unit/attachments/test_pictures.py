"""Pictures lose everything but their pixels; what is no picture is refused before it costs anything."""

from __future__ import annotations

import time
import tracemalloc
import zlib

import pytest
from PIL import Image, ImageChops, ImageStat

from dispatcher.attachments import FileRefused, clean
from dispatcher.attachments.images import MAX_SCANS
from tests.unit.attachments.picture_making import HIDDEN, chunks, drawn, encoded, opened, photo, png, segments

KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
RED, BLUE = (254, 0, 0), (0, 0, 254)
JFIF_TABLES_FRAME_HUFFMAN = {0xE0, 0xDB, 0xC0, 0xC2, 0xC4}


def is_about(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) < 12 for a, b in zip(found, wanted, strict=False))


@pytest.mark.parametrize("kind", KINDS)
def test_position_words_and_profile_are_gone_and_the_picture_is_not(kind: str) -> None:
    raw = photo(kind)
    assert HIDDEN in raw
    assert opened(raw).getexif().get_ifd(0x8825)
    cleaned = clean(raw)
    assert (cleaned.media_type, cleaned.width, cleaned.height) == (KINDS[kind], 80, 40)
    picture = opened(cleaned.content)
    assert picture.format == kind
    assert HIDDEN not in cleaned.content
    assert dict(picture.getexif()) == {}
    assert picture.info.keys() & {"exif", "icc_profile", "xmp", "comment"} == set()
    assert is_about(picture.convert("RGB").getpixel((10, 20)), RED)
    assert is_about(picture.convert("RGB").getpixel((70, 20)), BLUE)


def test_nothing_but_what_a_decoder_needs_is_left_in_the_file() -> None:
    assert set(segments(clean(photo("JPEG")).content)) <= JFIF_TABLES_FRAME_HUFFMAN
    assert chunks(clean(photo("PNG")).content) == [b"IHDR", b"IDAT", b"IEND"]
    assert clean(photo("WEBP")).content[12:16] == b"VP8 "  # the simple form has no room for more


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(kind: str, orientation: int) -> None:
    """Red is left as stored; the eight orientations say where that was in the world."""
    cleaned = clean(photo(kind, orientation=orientation))
    picture = opened(cleaned.content).convert("RGB")
    assert picture.size == ((80, 40) if orientation < 5 else (40, 80)) == (cleaned.width, cleaned.height)
    red_at = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[orientation]
    middle_x, middle_y = picture.width // 2, picture.height // 2
    spots = {
        "left": (8, middle_y),
        "right": (picture.width - 8, middle_y),
        "top": (middle_x, 8),
        "bottom": (middle_x, picture.height - 8),
    }
    assert is_about(picture.getpixel(spots[red_at]), RED)
    assert cleaned.thumbnail is not None
    assert opened(cleaned.thumbnail).size == picture.size


def test_an_orientation_that_does_not_exist_turns_nothing() -> None:
    assert clean(photo(orientation=77)).width == 80


@pytest.mark.parametrize("kind", KINDS)
def test_the_thumbnail_is_small_and_says_nothing_either(kind: str) -> None:
    thumbnail = clean(photo(kind, size=(2000, 1000))).thumbnail
    assert thumbnail is not None
    assert opened(thumbnail).size == (320, 160)
    assert opened(thumbnail).format == "JPEG"
    assert HIDDEN not in thumbnail
    assert len(thumbnail) < 20_000


def test_quality_and_size_stay_about_the_same() -> None:
    picture = Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 100).convert("RGB")
    for quality in (40, 75, 95):
        raw = encoded(picture, "JPEG", quality=quality, optimize=True)
        kept = clean(raw).content
        assert 0.9 < len(kept) / len(raw) < 1.1
        differing = ImageChops.difference(opened(raw).convert("L"), opened(kept).convert("L"))
        assert ImageStat.Stat(differing).mean[0] < 1


def sixteen_bits() -> Image.Image:
    high = drawn(mode="L").tobytes()
    return Image.frombytes("I;16", (80, 40), bytes(part for byte in high for part in (0, byte)))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind in ("PNG", "WEBP") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    + [("PNG", "I;16"), ("JPEG", "L"), ("JPEG", "CMYK")],
)
def test_every_sort_of_pixel_is_taken(kind: str, mode: str) -> None:
    picture = sixteen_bits() if mode == "I;16" else drawn(mode=mode)
    if kind == "WEBP" and mode in {"1", "L", "LA", "P"}:
        picture = picture.convert("RGBA")
    cleaned = clean(encoded(picture, kind))
    kept = opened(cleaned.content).convert("L")
    wanted = drawn(mode="L").convert("1" if mode == "1" else "L").convert("L")
    assert abs(int(kept.getpixel((10, 20))) - int(wanted.getpixel((10, 20)))) < 12  # type: ignore[arg-type]
    assert cleaned.thumbnail is not None


def test_what_is_transparent_stays_so_and_is_white_in_the_thumbnail() -> None:
    glass = Image.new("RGBA", (50, 50), (255, 0, 0, 0))
    for raw in (encoded(glass, "PNG"), encoded(glass, "WEBP"), encoded(glass.convert("P"), "PNG", transparency=0)):
        cleaned = clean(raw)
        assert cleaned.thumbnail is not None
        assert opened(cleaned.thumbnail).getpixel((25, 25)) == (255, 255, 255)
        alpha = opened(cleaned.content).convert("RGBA").getpixel((25, 25))
        assert isinstance(alpha, tuple)
        assert alpha[3] == 0


def test_what_is_appended_is_dropped() -> None:
    """A motion photo has its film there; a polyglot its program."""
    for kind in KINDS:
        raw = photo(kind) + b"<script>alert(1)</script>" + b"PK\x03\x04" + bytes(5000)
        assert b"script" not in clean(raw).content
        assert clean(raw).content == clean(photo(kind)).content


def test_a_page_that_is_also_a_jpeg_is_only_a_jpeg_afterwards() -> None:
    page = b"<html><script>alert(document.domain)</script></html>"
    raw = encoded(drawn(), "JPEG", comment=b"-->" + page + b"<!--", exif=page)
    assert page in raw
    assert b"<" + b"script" not in clean(raw).content


@pytest.mark.parametrize(
    "raw",
    [
        b"<html><body>a page</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'<?xml version="1.0"?><svg/>',
        b"GIF89a" + bytes(100),
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"MZ\x90\x00",
        b"II*\x00" + bytes(50),
        b"BM" + bytes(60),
        b"#!/bin/sh\n",
        b"\xff",
        b"RIFF\x00\x00\x00\x00AVI ",
    ],
)
def test_everything_else_is_refused_by_its_bytes(raw: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        clean(raw)
    assert refused.value.title == "UnsupportedFile"


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(FileRefused) as refused:
        clean(b"")
    assert refused.value.title == "EmptyFile"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_picture_cut_short_is_refused(kind: str, share: float) -> None:
    picture = Image.effect_noise((120, 90), 60).convert("RGB")
    raw = encoded(picture, kind)
    with pytest.raises(FileRefused) as refused:
        clean(raw[: max(16, int(len(raw) * share))])
    assert refused.value.title == "DamagedFile"


def test_a_beginning_alone_is_no_picture() -> None:
    for beginning in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\x00\x00\x00WEBPVP8 "):
        with pytest.raises(FileRefused) as refused:
            clean(beginning + b"<script>alert(1)</script>" * 40)
        assert refused.value.title == "DamagedFile"


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (50_001, 1000), (2_000_000_000, 1)])
def test_a_pixel_bomb_is_refused_before_a_pixel_is_made(width: int, height: int) -> None:
    tracemalloc.start()
    with pytest.raises(FileRefused) as refused:
        clean(png(width, height, bytes(1000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.title == "TooManyPixels"
    assert peak < 2_000_000


def test_bytes_beyond_the_picture_are_never_unpacked() -> None:
    """200 MB of zeros in 200 kB: the decoder stops where the picture ends."""
    started = time.perf_counter()
    cleaned = clean(png(10, 10, bytes(11) * 10 + bytes(200_000_000)))
    assert len(cleaned.content) < 1000
    assert time.perf_counter() - started < 5


def test_words_that_unpack_to_a_hundred_times_their_size_are_not_read() -> None:
    whole = png(10, 10, bytes(11) * 10)
    words = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    checksum = zlib.crc32(b"zTXt" + words).to_bytes(4, "big")
    bomb = whole[:33] + len(words).to_bytes(4, "big") + b"zTXt" + words + checksum + whole[33:]
    with pytest.raises(FileRefused) as refused:
        clean(bomb)
    assert refused.value.title == "DamagedFile"


def test_a_jpeg_of_endless_passes_is_refused() -> None:
    """Every pass over a large picture costs as much as decoding it; each needs only a few bytes."""
    raw = encoded(drawn(), "JPEG", progressive=True)
    scan = raw.rindex(b"\xff\xda")
    many = raw[:-2] + raw[scan:-2] * (MAX_SCANS + 1) + raw[-2:]
    with pytest.raises(FileRefused, match="passes"):
        clean(many)
    assert clean(raw).width == 80


def test_only_the_first_picture_of_a_moving_one_is_kept() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for kind in ("WEBP", "PNG"):
        raw = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)
        kept = opened(clean(raw).content)
        assert getattr(kept, "n_frames", 1) == 1
        assert is_about(kept.convert("RGB").getpixel((20, 20)), RED)
