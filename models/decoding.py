"""From the bytes of an image file to RGB pixels, refusing early and cheaply what cannot be judged.

JPEG goes through libjpeg-turbo with DCT scaling: an image is decoded at the smallest of 8/8, 7/8 ... 1/8
of its size that still covers what the network needs. Everything else goes through Pillow. Both release
the interpreter lock, so threads decode in parallel. Sizes are read from headers before any pixel is decoded.
"""

import io
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

MAX_PIXELS = 89_478_485
"""Largest image that is decoded: a quarter of a gigabyte as RGB, the limit above which Pillow warns."""

_JPEG_MAGIC = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_EXIF = b"Exif\0\0"
_PILLOW_FORMATS = ("PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG", "PPM")
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1
_TIFF_BITS_PER_SAMPLE = 258
_HEADER_BYTES = 65_536


class UnscorablePhoto(Exception):
    """A photo that no network can judge; it costs one quarantined row.

    Attributes:
        reason: Short reason: ``missing``, ``unreadable``, ``unreadable_container``, ``empty``, ``truncated``,
            ``corrupt``, ``animated``, ``cmyk``, ``sixteen_bit`` or ``too_large``.
        detail: What was found, in words.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def decode_rgb(content: bytes, *, at_least: int = 0, dct_scaling: bool = True) -> np.ndarray:
    """Decode an image file.

    Args:
        content: Bytes of a JPEG, PNG, WebP, GIF, TIFF or BMP file.
        at_least: Both sides stay at least this long, in pixels, where the photo is that large; 0 keeps all pixels.
        dct_scaling: Whether JPEGs may be decoded at a fraction of their size.

    Returns:
        uint8 array (height, width, 3), upright as EXIF says.

    Raises:
        UnscorablePhoto: The image is broken, unsafe, or not one still 8-bit photograph. CMYK is refused because
            its colours depend on a print profile that files rarely carry, 16-bit because brightness scales differ.
    """
    if not content:
        raise UnscorablePhoto("empty", "the file has no bytes")
    if content.startswith(_JPEG_MAGIC):
        return _upright(_decode_jpeg(content, at_least if dct_scaling else 0), content)
    return _decode_with_pillow(content)


def is_plain_jpeg(content: bytes) -> bool:
    """Whether a file is a whole JPEG of sane size, in grey or YCbCr, that nothing says to turn."""
    import simplejpeg

    whole = content.startswith(_JPEG_MAGIC) and content.endswith(_JPEG_END)
    if not whole or _orientation(content) != _UPRIGHT:
        return False
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError:
        return False
    return width * height <= MAX_PIXELS and colorspace in ("Gray", "YCbCr")


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resample uint8 pixels (h, w, 3) to (height, width, 3); area averaging down, bilinear up."""
    cv2 = _cv2()
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] >= height and pixels.shape[1] >= width
    resized: np.ndarray = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized


@cache
def _cv2() -> ModuleType:
    """OpenCV without threads of its own: photos, not their rows, are what runs in parallel."""
    import cv2

    cv2.setNumThreads(0)
    return cv2


def _decode_jpeg(content: bytes, at_least: int) -> np.ndarray:
    import simplejpeg

    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError as error:
        raise UnscorablePhoto("corrupt", f"JPEG header: {error}") from error
    _refuse_too_large(width, height)
    if colorspace in ("CMYK", "YCCK"):
        raise UnscorablePhoto("cmyk", f"JPEG in {colorspace}; its colours depend on a print profile")
    options: dict[str, Any] = {"min_height": at_least, "min_width": at_least} if at_least else {}
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB", **options)
    except ValueError as error:
        pixels = _decode_with_warnings(content, options, str(error))
    return pixels


def _decode_with_warnings(content: bytes, options: dict[str, Any], complaint: str) -> np.ndarray:
    """Decode what libjpeg only warned about, such as stray bytes between segments; not what ends early."""
    import simplejpeg

    if "premature end" in complaint.lower() or not content.rstrip(b"\0").endswith(_JPEG_END):
        raise UnscorablePhoto("truncated", f"JPEG: {complaint}")
    if "corrupt jpeg data" not in complaint.lower() or "extraneous bytes" not in complaint.lower():
        raise UnscorablePhoto("corrupt", f"JPEG: {complaint}")
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB", strict=False, **options)
    except ValueError as error:
        raise UnscorablePhoto("corrupt", f"JPEG: {error}") from error
    return pixels


def _upright(pixels: np.ndarray, content: bytes) -> np.ndarray:
    orientation = _orientation(content)
    return pixels if orientation == _UPRIGHT else turned(pixels, orientation)


def _orientation(content: bytes) -> int:
    """What EXIF says; most JPEGs say nothing, which a look at the header tells cheaply."""
    if _EXIF not in content[:_HEADER_BYTES]:
        return _UPRIGHT
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            orientation: int = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT)
    except Exception:  # Broken EXIF raises whatever its parser stumbles over; the pixels are whole all the same.
        return _UPRIGHT
    return orientation


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (h, w, 3) turned upright by an EXIF orientation 1..8; any other value changes nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decode_with_pillow(content: bytes) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS) as image:
            _refuse_unusual(image, content)
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_flattened(upright))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnscorablePhoto("too_large", str(error)) from error
    except UnidentifiedImageError as error:
        raise UnscorablePhoto(
            "corrupt", "no known image format; JPEG, PNG, WebP, GIF, TIFF and BMP are read"
        ) from error
    except UnscorablePhoto:
        raise
    except Exception as error:  # Decoders of broken files raise struct.error, zlib.error, KeyError, IndexError ...
        reason = "truncated" if "truncated" in str(error).lower() else "corrupt"
        raise UnscorablePhoto(reason, f"{type(error).__name__}: {error}") from error


def _refuse_unusual(image: Any, content: bytes) -> None:
    _refuse_too_large(*image.size)
    if getattr(image, "n_frames", 1) > 1:
        raise UnscorablePhoto("animated", f"{image.format} with {image.n_frames} frames")
    if image.mode == "CMYK":
        raise UnscorablePhoto("cmyk", f"{image.format} in CMYK; its colours depend on a print profile")
    if image.mode in _SIXTEEN_BIT_MODES or _depth(image, content) > 8:
        raise UnscorablePhoto("sixteen_bit", f"{image.format} with more than 8 bits per channel")


def _depth(image: Any, content: bytes) -> int:
    """Bits per channel as the header states them; Pillow silently drops the lower ones of deep colour."""
    if image.format == "PNG":
        return content[24] if len(content) > 24 else 8
    if image.format == "TIFF":
        return max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (8,)))
    if image.format == "PPM":
        decoded_as = image.tile[0].args  # (mode, value of full brightness), or the mode alone where that is 255
        return decoded_as[1].bit_length() if isinstance(decoded_as, tuple) else 8
    return 8


def _flattened(image: Any) -> Any:
    """RGB; what is transparent shows white, as browsers show it."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _refuse_too_large(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnscorablePhoto("too_large", f"{width} x {height} pixels; at most {MAX_PIXELS} are decoded")
