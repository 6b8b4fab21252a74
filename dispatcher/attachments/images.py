"""Pictures: decoded and encoded anew, always.

Only so is it certain that nothing travels along: position, serial numbers, the thumbnail inside the EXIF data, second
pictures, comments, whatever was appended, a page hidden in a picture. It also shows that the file can be decoded, and
turns it upright. JPEG keeps the quantisation tables it came with, so that size and quality stay about the same. Colour
profiles go too: to keep them would be to hand a stranger's bytes on.
"""

from io import BytesIO
from typing import Any, Final, NamedTuple

from PIL import Image, JpegImagePlugin

from dispatcher.attachments.refused import FileRefused, damaged

MAX_PIXELS: Final = 50_000_000
THUMBNAIL_PX: Final = 320
# A progressive JPEG may ask for a pass over all its pixels with every few bytes; cameras make about ten.
MAX_SCANS: Final = 100
_SCAN: Final = b"\xff\xda"
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_MODES: Final = {
    "JPEG": ("L", "RGB"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
}
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class CleanImage(NamedTuple):
    """Pixels and nothing else; `thumbnail` is a JPEG of at most 320 × 320 pixels."""

    content: bytes
    width: int
    height: int
    thumbnail: bytes


def clean_image(raw: bytes, media_type: str) -> CleanImage:
    """Raises FileRefused when it has too many pixels (looked up before decoding) or cannot be decoded to its end."""
    kind = _FORMATS[media_type]
    if kind == "JPEG" and raw.count(_SCAN) > MAX_SCANS:
        raise damaged("a JPEG of more passes than any camera makes")
    try:
        with Image.open(BytesIO(raw), formats=[kind]) as image:
            _insist_on_size(image)
            settings, turn = _settings(kind, image), _TURNS.get(_orientation(image))
            image.load()
            pixels = _plain(image if turn is None else image.transpose(turn), kind)
        return CleanImage(_encoded(pixels, kind, settings), *pixels.size, _thumbnail(pixels))
    except FileRefused:
        raise
    except Image.DecompressionBombError:
        raise _too_many() from None
    except Exception as error:  # a broken picture makes the decoders raise anything
        raise damaged(f"begins like a {kind} but cannot be decoded") from error


def _insist_on_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many()


def _too_many() -> FileRefused:
    return FileRefused("TooManyPixels", f"a picture may have {MAX_PIXELS // 1_000_000} million pixels")


def _orientation(image: Image.Image) -> int:
    """EXIF's word for how the camera was held; 1 = upright, also when it cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - EXIF data of the world's cameras break in every way
        return 1


def _settings(kind: str, image: Image.Image) -> dict[str, Any]:
    """How to encode it again."""
    if kind == "PNG":
        return {"compress_level": 3}  # as small as 6, in a third of the time
    if kind == "WEBP":
        return {"quality": 90, "method": 2}
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    if image.mode == "CMYK" or not tables or max(map(max, tables.values())) > 255:
        return {"quality": 90}
    return {"qtables": tables, "subsampling": JpegImagePlugin.get_sampling(image), "optimize": True}


def _plain(image: Image.Image, kind: str) -> Image.Image:
    """Pixels in a mode that the format has; of all else only a palette's transparency is left."""
    if image.mode.startswith("I"):  # 16 bits of grey: the upper eight
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode not in _MODES[kind]:
        image = image.convert("RGBA" if "A" in image.mode and kind != "JPEG" else "RGB")
    elif image.mode != "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    transparency = image.info.get("transparency") if image.mode == "P" else None
    plain = image.copy()
    plain.info.clear()
    if transparency is not None:
        plain.info["transparency"] = transparency
    return plain


def _encoded(pixels: Image.Image, kind: str, settings: dict[str, Any]) -> bytes:
    made = BytesIO()
    pixels.save(made, format=kind, **settings)
    return made.getvalue()


def _thumbnail(pixels: Image.Image) -> bytes:
    """Small, on white where it is transparent."""
    small = pixels.convert("RGBA") if pixels.mode not in {"L", "RGB"} else pixels.copy()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), reducing_gap=2.0)
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small).convert("RGB")
    return _encoded(small, "JPEG", {"quality": 80})
