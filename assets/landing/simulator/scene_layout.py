"""Where the subject and the horizon go, and the clutter that a careless eye lets in.

Canvases are larger than the photo (its edges are at 0.1 and 0.9 of them), because the camera may be tilted.
"""

from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.scene_canvas import Canvas, Colour
from assets.landing.simulator.scene_palette import Palette


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things go, in fractions of the canvas: subject's centre and size, the horizon, the side it faces."""

    x: float
    y: float
    scale: float
    horizon: float
    facing: float


def draw_layout(composition: float, rng: np.random.Generator) -> Layout:
    """A layout on the rule of thirds, pulled towards one of four mistakes as ``composition`` falls."""
    third = 1.0 if rng.random() < 0.5 else -1.0
    u, v, w, s = rng.normal(0.0, 1.0, 4)
    kind, low = int(rng.integers(4)), rng.random() < 0.5
    x, y, scale = 0.5 + third * 0.155 + 0.02 * u, 0.56 + 0.02 * v, 0.36 + 0.03 * s
    horizon = (0.62 if low else 0.40) + 0.015 * w
    wrong = (
        (0.5 + third * 0.44, 0.62, 0.44, 0.5),  # cut off by the frame's side
        (0.5 + 0.05 * u, 0.52, 0.13, 0.5),  # lost in the middle of nothing
        (0.5 + 0.09 * u, 0.50 + 0.04 * v, 0.70, 0.27),  # too near
        (0.5 + third * 0.3, 0.86, 0.34, 0.78),  # feet cut off, too much sky
    )[kind]
    pull = min(1.0, max(0.0, 0.85 - composition) / 0.75)
    x, y, scale, horizon = (a + pull * (b - a) for a, b in zip((x, y, scale, horizon), wrong, strict=True))
    facing = -third if composition > 0.5 else third
    return Layout(x, y, scale, horizon, facing)


def add_clutter(canvas: Canvas, order: float, palette: Palette, rng: np.random.Generator) -> None:
    """Things that nobody meant to photograph, more of them as ``order`` falls: poles, bags, strangers, signs."""
    count = int(6.5 * max(0.0, 0.9 - order) + rng.random() * 0.9)
    kinds, places = rng.integers(5, size=7), rng.random((7, 4))
    for kind, (u, v, w, t) in zip(kinds[:count], places[:count], strict=True):
        x, y = 0.1 + 0.8 * u, 0.1 + 0.8 * v
        colour = palette.colour("accent", 0.35 + 0.9 * w, 1.2, t)
        if kind == 0:
            canvas.line([(x, -0.1), (x + 0.02 * (t - 0.5), 1.1)], (0.16 * w, 0.15 * w, 0.16 * w), 0.012 + 0.02 * t)
        elif kind == 1:
            ends = [(-0.1, 0.12 + 0.5 * v), (0.5, 0.2 + 0.5 * v), (1.1, 0.08 + 0.5 * t)]
            canvas.line(ends, (0.1, 0.1, 0.1), 0.008)
        elif kind == 2:
            side = 0.05 + 0.06 * t
            low = 0.6 + 0.3 * v
            canvas.polygon(
                [(x, low), (x + side, low - 0.01), (x + side * 0.9, low + side * 1.3), (x + 0.01, low + side * 1.2)],
                colour,
            )
        elif kind == 3:
            _passer_by(canvas, x, 0.55 + 0.3 * v, 0.10 + 0.08 * t, colour)
        else:
            edge = 0.06 + 0.07 * t
            canvas.polygon([(x, y), (x + edge, y), (x + edge, y + edge), (x, y + edge)], colour)
            canvas.line([(x + 0.01, y + edge * 0.4), (x + edge - 0.01, y + edge * 0.4)], (0.95, 0.95, 0.92), 0.012)
            canvas.line([(x + 0.01, y + edge * 0.7), (x + edge * 0.7, y + edge * 0.7)], (0.95, 0.95, 0.92), 0.012)


def _passer_by(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    canvas.ellipse((x, y - size * 0.9), (size * 0.22, size * 0.26), (0.55, 0.42, 0.35))
    canvas.ellipse((x, y), (size * 0.36, size * 0.7), colour)
