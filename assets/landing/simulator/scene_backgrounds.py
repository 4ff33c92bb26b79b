"""What is behind a subject: the open sky, or a wall, foliage or lights above a floor.

How textured it is says nothing about beauty.
"""

import numpy as np

from assets.landing.simulator.scene_canvas import Canvas, fractal
from assets.landing.simulator.scene_palette import Palette


def paint_sky(canvas: Canvas, palette: Palette, horizon: float, rng: np.random.Generator) -> None:
    """Sky down to ``horizon``, perhaps with a sun or moon and clouds."""
    canvas.gradient(palette.colour("sky_top"), palette.colour("sky_bottom"), 0.0, horizon)
    cloudy, sun, x, y = rng.random(), rng.random(), rng.uniform(0.15, 0.85), rng.uniform(0.3, 0.9)
    rows = round(horizon * canvas.height)
    noise = fractal(rng, canvas.width, rows, (0.9, 0.45))
    if sun < 0.4:
        centre = (x, horizon * y)
        canvas.ellipse(centre, (0.045, 0.045), palette.colour("sky_bottom", 1.5, 0.35))
    if cloudy < 0.7 and rows > 2:
        canvas.veil(np.clip(0.55 * (noise - 0.2 - 0.6 * cloudy), 0.0, 0.85), palette.colour("sky_bottom", 1.15, 0.4))


def paint_backdrop(canvas: Canvas, palette: Palette, floor: float, rng: np.random.Generator) -> None:
    """A wall, foliage or distant lights behind things; the floor starts at ``floor``."""
    kind, amount = int(rng.integers(3)), rng.uniform(0.03, 0.14)
    canvas.gradient(palette.colour("backdrop", 1.1), palette.colour("backdrop", 0.75))
    if kind == 0:
        canvas.texture(rng, amount, (0.8, 0.8))
    elif kind == 1:
        canvas.texture(rng, 0.05 + amount, (0.5, 0.5))
        for u, v, r in rng.random((14, 3)):
            canvas.ellipse(
                (u, v),
                (0.03 + 0.06 * r, 0.02 + 0.05 * r),
                palette.colour("ground" if v < 0.4 else "backdrop", 0.7 + 0.45 * v),
                angle=180 * r,
            )
    else:
        for u, v, r in rng.random((12, 3)):
            canvas.ellipse(
                (u, v * 0.8),
                (0.02 + 0.05 * r, 0.02 + 0.05 * r),
                palette.colour("accent" if r > 0.6 else "backdrop", 0.8 + 0.6 * v, 0.8),
            )
    if floor < 1.0:
        canvas.gradient(palette.colour("ground", 1.2), palette.colour("ground", 0.8), floor)
        canvas.texture(rng, amount, (1.6, 0.5), floor)
