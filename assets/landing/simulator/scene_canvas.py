"""The surface a scene is painted on: anti-aliased primitives, gradients and natural texture.

A canvas holds the picture and, beside it, how much each pixel belongs to the subject; the camera
(:mod:`scene_camera`) needs the second for depth of field and for light that wraps around things.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Image = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Point = tuple[float, float]

_SHIFT = 4
_ONE = 1 << _SHIFT
_TILE = 512


class Canvas:
    """Picture of ``height`` x ``width`` pixels in RGB bytes, with the subject's coverage.

    Coordinates of all methods are fractions: x of the width, y of the height; lengths are fractions of the height.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.rgb: Bytes = np.zeros((height, width, 3), np.uint8)
        self.subject: Bytes = np.zeros((height, width), np.uint8)

    def gradient(self, top: Colour, bottom: Colour, y0: float = 0.0, y1: float = 1.0) -> None:
        """Fill the rows from ``y0`` to ``y1`` with a vertical gradient."""
        first, last = round(max(0.0, y0) * self.height), round(min(1.0, y1) * self.height)
        if last <= first:
            return
        t = np.linspace(0.0, 1.0, last - first, dtype=np.float32)[:, None]
        rows = np.asarray(top, np.float32) * (1.0 - t) + np.asarray(bottom, np.float32) * t
        column = np.clip(rows * 255.0, 0, 255).astype(np.uint8)[:, None, :]
        self.rgb[first:last] = cv2.resize(column, (self.width, last - first), interpolation=cv2.INTER_NEAREST)

    def polygon(self, points: Sequence[Point], colour: Colour, *, subject: bool = False) -> None:
        """Fill a polygon."""
        scaled = np.array([(x * self.width, y * self.height) for x, y in points]) * _ONE
        corners = [np.round(np.clip(scaled, -(2**20), 2**20)).astype(np.int32)]
        cv2.fillPoly(self.rgb, corners, _bytes(colour), cv2.LINE_AA, _SHIFT)
        if subject:
            cv2.fillPoly(self.subject, corners, 255, cv2.LINE_AA, _SHIFT)

    def ellipse(
        self,
        centre: Point,
        radii: Point,
        colour: Colour,
        *,
        angle: float = 0.0,
        subject: bool = False,
        arc: Point = (0.0, 360.0),
    ) -> None:
        """Fill an ellipse (or the sector ``arc`` of it, in degrees); both radii are fractions of the height."""
        middle = (round(centre[0] * self.width * _ONE), round(centre[1] * self.height * _ONE))
        axes = (max(1, round(radii[0] * self.height * _ONE)), max(1, round(radii[1] * self.height * _ONE)))
        shape = (middle, axes, angle, arc[0], arc[1])
        cv2.ellipse(self.rgb, *shape, _bytes(colour), -1, cv2.LINE_AA, _SHIFT)
        if subject:
            cv2.ellipse(self.subject, *shape, 255, -1, cv2.LINE_AA, _SHIFT)

    def line(self, points: Sequence[Point], colour: Colour, thickness: float, *, subject: bool = False) -> None:
        """Stroke a polyline whose thickness is a fraction of the height."""
        scaled = np.array([(x * self.width, y * self.height) for x, y in points]) * _ONE
        path = [np.round(np.clip(scaled, -(2**20), 2**20)).astype(np.int32)]
        width = max(1, round(thickness * self.height))
        cv2.polylines(self.rgb, path, False, _bytes(colour), width, cv2.LINE_AA, _SHIFT)
        if subject:
            cv2.polylines(self.subject, path, False, 255, width, cv2.LINE_AA, _SHIFT)

    def texture(
        self, rng: np.random.Generator, amount: float, stretch: Point = (1.0, 1.0), y0: float = 0.0, y1: float = 1.0
    ) -> None:
        """Multiply the rows from ``y0`` to ``y1`` by natural noise with standard deviation about ``amount``."""
        first, last = round(max(0.0, y0) * self.height), round(min(1.0, y1) * self.height)
        noise = fractal(rng, self.width, last - first, stretch)
        if last <= first or amount <= 0.0:
            return
        region = self.rgb[first:last].astype(np.float32) * (1.0 + amount * noise)[:, :, None]
        self.rgb[first:last] = np.clip(region, 0, 255).astype(np.uint8)

    def veil(self, mask: Image, colour: Colour, y0: float = 0.0) -> None:
        """Blend ``colour`` in where ``mask`` (rows from ``y0`` on, values in [0, 1]) says so."""
        first = round(y0 * self.height)
        region = self.rgb[first : first + mask.shape[0]].astype(np.float32)
        region += mask[:, :, None] * (np.asarray(colour, np.float32) * 255.0 - region)
        self.rgb[first : first + mask.shape[0]] = np.clip(region, 0, 255).astype(np.uint8)


def fractal(rng: np.random.Generator, width: int, height: int, stretch: Point = (1.0, 1.0)) -> Image:
    """A random cut of natural (1/f) noise, (height, width), mean about 0 and standard deviation about 1.

    Args:
        rng: Chooses the place of the cut.
        width: Columns.
        height: Rows; 0 gives an empty cut (and takes the same draws).
        stretch: Zoom into the noise along x and y; above 1 is coarser.
    """
    u, v = rng.random(2)
    tile = _fractal_tile()
    cut_w = int(min(_TILE, max(2, width / stretch[0])))
    cut_h = int(min(_TILE, max(2, height / stretch[1])))
    x, y = int(u * (_TILE - cut_w + 1)), int(v * (_TILE - cut_h + 1))
    if height <= 0:
        return np.zeros((0, width), np.float32)
    return np.asarray(cv2.resize(tile[y : y + cut_h, x : x + cut_w], (width, height)), np.float32)


@lru_cache(maxsize=1)
def _fractal_tile() -> Image:
    """One fixed sheet of 1/f noise from which all photos take their cuts."""
    rng = np.random.default_rng(20090706)
    fx, fy = np.fft.fftfreq(_TILE), np.fft.fftfreq(_TILE)
    radius = np.sqrt(fx[None, :] ** 2 + fy[:, None] ** 2)
    radius[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.standard_normal((_TILE, _TILE))) / radius
    spectrum[0, 0] = 0.0
    sheet = np.real(np.fft.ifft2(spectrum))
    return np.asarray(sheet / sheet.std(), np.float32)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(255 * c))) for c in colour)
    return red, green, blue
