"""Saliency as a picture: the photo, and beside it what raises and lowers its beauty, with a legend in units of beauty.

Orange raises and blue lowers, two colours that people with any colour vision tell apart (Okabe and Ito 2008). What is
drawn has the units of the cells that ``explanations.deletion_insertion`` takes away: beauty per 64th of the photo.
"""

import io
from typing import TYPE_CHECKING

import numpy as np

from models.decoding import resize
from models.preprocessing import Preprocessing

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

LONGER_SIDE = 320
"""Longer side of the photo in the picture, pixels."""
GAP = 8
LEGEND = 46
"""Height of the legend below, pixels."""

_CELLS = 64
_RAISES, _LOWERS = np.array([213, 94, 0.0]), np.array([0, 114, 178.0])
_STRONGEST = 0.9
_LEAST = 1e-4
"""Beauty that full colour stands for at least, so that rounding does not look like a finding."""
_INK = (30, 34, 40)


def beauty_per_cell(found: np.ndarray, method: str) -> np.ndarray:
    """Saliency float (h, w) in beauty per 64th of the photo, without detail finer than half of such a cell.

    Integrated gradients are beauty per pixel. Occlusion is what a window of this size is worth.
    """
    import cv2

    per_cell = found * (found.size / _CELLS if method == "integrated_gradients" else 1)
    smooth: np.ndarray = cv2.GaussianBlur(per_cell.astype(np.float32), (0, 0), max(found.shape) / 16)
    return smooth


def spread(values: np.ndarray, preprocessing: Preprocessing, height: int, width: int) -> np.ndarray:
    """Values of what the network saw (s, s), over a photo (height, width); 0 where it was cropped."""
    import cv2

    whole = np.zeros((height, width), np.float32)
    rows, columns = _seen(preprocessing, height, width)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    whole[rows, columns] = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return whole


def _seen(preprocessing: Preprocessing, height: int, width: int) -> tuple[slice, slice]:
    if preprocessing.fit == "squeeze":
        return slice(0, height), slice(0, width)
    share = preprocessing.input_size / (preprocessing.shorter_side or preprocessing.input_size)
    side = max(1, round(share * min(height, width)))
    top, left = (height - side) // 2, (width - side) // 2
    return slice(top, top + side), slice(left, left + side)


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a photo in the picture: the longer side is ``LONGER_SIDE``.

    >>> shown_size(100, 200), shown_size(3000, 10)
    ((160, 320), (320, 1))
    """
    scale = LONGER_SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def overlay_png(photo: np.ndarray, values: np.ndarray, preprocessing: Preprocessing) -> bytes:
    """The picture of one photo as a PNG.

    Args:
        photo: uint8 (h, w, 3), upright.
        values: Beauty per 64th of the photo where the network looked, float (s, s).
        preprocessing: How the network saw the photo.

    Returns:
        A PNG of twice the width of the shown photo and ``GAP``, and of its height and ``LEGEND``.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = shown_size(*photo.shape[:2])
    shown = resize(photo, width, height)
    field = spread(values, preprocessing, height, width)
    strongest = max(float(np.abs(field).max()), _LEAST)
    canvas = np.full((height + LEGEND, 2 * width + GAP, 3), 255, np.uint8)
    canvas[:height, :width] = shown
    canvas[:height, width + GAP :] = _tinted(shown, field / strongest)
    image = Image.fromarray(canvas)
    _draw_legend(ImageDraw.Draw(image), ImageFont.load_default(14), image.width, height, strongest)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _tinted(shown: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The photo in light grey, coloured by strengths in [-1, 1]."""
    grey = 90 + 0.62 * shown.astype(np.float32).mean(axis=2, keepdims=True)
    share = _STRONGEST * np.abs(strength)[..., None] ** 0.8
    colour = np.where(strength[..., None] > 0, _RAISES, _LOWERS)
    return np.clip((1 - share) * grey + share * colour, 0, 255).astype(np.uint8)


def _draw_legend(
    draw: "ImageDraw.ImageDraw", font: "ImageFont.ImageFont | ImageFont.FreeTypeFont", width: int, top: int, most: float
) -> None:
    """A bar from what lowers to what raises, with its ends and its unit."""
    bar = min(120, width // 3)
    left = (width - bar) // 2
    for column in range(bar):
        strength = np.full((1, 1), 2 * column / (bar - 1) - 1)
        colour = _tinted(np.full((1, 1, 3), 160, np.uint8), strength)[0, 0]
        draw.line([(left + column, top + 8), (left + column, top + 20)], fill=tuple(int(each) for each in colour))
    digits = 3 if most >= 0.01 else 4
    draw.text((left - 6, top + 14), f"lowers -{most:.{digits}f}", fill=_INK, font=font, anchor="rm")
    draw.text((left + bar + 6, top + 14), f"+{most:.{digits}f} raises", fill=_INK, font=font, anchor="lm")
    draw.text((width // 2, top + 34), "beauty per 1/64 of the photo", fill=_INK, font=font, anchor="mm")
