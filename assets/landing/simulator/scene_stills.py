"""Painters of stills: objects on a table, and abstract rhythms.

Which things there are, and how many, says nothing about beauty.
"""

import numpy as np

from assets.landing.simulator.scene_backgrounds import paint_backdrop
from assets.landing.simulator.scene_canvas import Canvas
from assets.landing.simulator.scene_layout import Layout
from assets.landing.simulator.scene_palette import Palette


def paint_object(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """One to three things on a table: a vase with flowers, a cup, a bottle, fruit."""
    table = layout.y + 0.32 * layout.scale
    paint_backdrop(canvas, palette, min(0.95, table - 0.06), rng)
    count = int(rng.integers(1, 4))
    kinds = rng.integers(4, size=3)
    ratio = canvas.height / canvas.width
    for i in reversed(range(count)):
        x = layout.x + layout.facing * i * 0.62 * layout.scale * ratio
        s = layout.scale * (1.0, 0.72, 0.6)[i]
        part = ("subject", "accent", "neutral")[i]
        _THINGS[kinds[i]](canvas, x, table + 0.02 * (count - i), s, palette, part, rng)


def _vase(
    canvas: Canvas, x: float, base: float, s: float, palette: Palette, part: str, rng: np.random.Generator
) -> None:
    w = s * canvas.height / canvas.width
    for u, v, r in rng.random((5, 3)):
        tip = (x + (u - 0.5) * 0.8 * w, base - s * (0.9 + 0.35 * v))
        canvas.line([(x, base - 0.6 * s), tip], (0.22, 0.38, 0.2), 0.025 * s, subject=True)
        canvas.ellipse(
            tip, (s * (0.07 + 0.05 * r), s * (0.07 + 0.05 * r)), palette.colour("accent", 0.85 + 0.4 * r), subject=True
        )
    canvas.ellipse((x, base - 0.3 * s), (0.25 * s, 0.32 * s), palette.colour(part), subject=True)
    canvas.polygon(
        [
            (x - 0.1 * w, base - 0.5 * s),
            (x + 0.1 * w, base - 0.5 * s),
            (x + 0.15 * w, base - 0.7 * s),
            (x - 0.15 * w, base - 0.7 * s),
        ],
        palette.colour(part, 0.9),
        subject=True,
    )


def _cup(
    canvas: Canvas, x: float, base: float, s: float, palette: Palette, part: str, rng: np.random.Generator
) -> None:
    w, side = s * canvas.height / canvas.width, 1.0 if rng.random() < 0.5 else -1.0
    canvas.ellipse(
        (x + side * 0.34 * w, base - 0.28 * s), (0.15 * s, 0.17 * s), palette.colour(part, 0.8), subject=True
    )
    canvas.ellipse((x + side * 0.34 * w, base - 0.28 * s), (0.08 * s, 0.1 * s), palette.colour("backdrop", 0.8))
    canvas.polygon(
        [(x - 0.35 * w, base - 0.55 * s), (x + 0.35 * w, base - 0.55 * s), (x + 0.26 * w, base), (x - 0.26 * w, base)],
        palette.colour(part),
        subject=True,
    )
    canvas.ellipse((x, base - 0.55 * s), (0.35 * s, 0.09 * s), palette.colour(part, 1.25, 0.7), subject=True)
    canvas.ellipse((x, base - 0.55 * s), (0.29 * s, 0.06 * s), palette.colour(part, 0.4), subject=True)


def _bottle(
    canvas: Canvas, x: float, base: float, s: float, palette: Palette, part: str, rng: np.random.Generator
) -> None:
    w, label = s * canvas.height / canvas.width, rng.random() < 0.6
    sides = [(0.2, 0.0), (0.2, 0.6), (0.07, 0.8), (0.07, 1.1)]
    outline = [(x - a * w, base - b * s) for a, b in sides] + [(x + a * w, base - b * s) for a, b in reversed(sides)]
    canvas.polygon(outline, palette.colour(part, 0.75), subject=True)
    if label:
        canvas.polygon(
            [
                (x - 0.2 * w, base - 0.2 * s),
                (x + 0.2 * w, base - 0.2 * s),
                (x + 0.2 * w, base - 0.48 * s),
                (x - 0.2 * w, base - 0.48 * s),
            ],
            palette.colour("neutral", 1.2),
            subject=True,
        )


def _fruit(
    canvas: Canvas, x: float, base: float, s: float, palette: Palette, part: str, rng: np.random.Generator
) -> None:
    w = s * canvas.height / canvas.width
    for u in (-0.26, 0.26, 0.0)[: int(rng.integers(1, 4))]:
        r = 0.24 * s
        y = base - r - (0.3 * s if u == 0.0 else 0.0)
        canvas.ellipse((x + u * w, y), (r, r * 0.95), palette.colour(part, 1.0, 1.0, 0.1 * u), subject=True)
        canvas.line(
            [(x + u * w, y - 0.9 * r), (x + u * w + 0.02 * w, y - 1.25 * r)], (0.3, 0.22, 0.15), 0.03 * s, subject=True
        )


_THINGS = (_vase, _cup, _bottle, _fruit)


def paint_abstract(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """Bands, rings or tiles in a rhythm, with one form that breaks it."""
    canvas.gradient(palette.colour("backdrop"), palette.colour("sky_top", 0.9))
    kind, count, phase, bend = int(rng.integers(3)), int(rng.integers(4, 10)), rng.random(), rng.uniform(0.0, 0.16)
    parts = ("ground", "neutral", "backdrop", "far")
    xs = np.linspace(-0.05, 1.05, 14)
    for i in range(count):
        colour = palette.colour(parts[i % 4], 0.7 + 0.6 * ((i * 0.37 + phase) % 1.0))
        if kind == 0:
            y = (i + phase) / count
            wave = y + bend * np.sin(2 * np.pi * (xs + phase + 0.1 * i))
            canvas.polygon([*zip(xs.tolist(), wave.tolist(), strict=True), (1.05, 1.1), (-0.05, 1.1)], colour)
        elif kind == 1:
            r = 0.85 * (1.0 - i / count)
            canvas.ellipse((layout.x, layout.y), (r, r * (1.0 - bend)), colour)
        else:
            for j in range(count):
                x, y = (i + phase) / count, (j + 0.5) / count
                shade = palette.colour(parts[(i + 2 * j) % 4], 0.7 + 0.6 * ((j * 0.61 + phase) % 1.0))
                canvas.ellipse((x, y), (0.36 / count, 0.36 / count), shade)
    canvas.texture(rng, rng.uniform(0.0, 0.12), (1.0, 1.0))
    s = layout.scale * 0.5
    w = s * canvas.height / canvas.width
    if rng.random() < 0.5:
        canvas.ellipse((layout.x, layout.y), (s, s), palette.colour("subject", 1.1), subject=True)
    else:
        canvas.polygon(
            [
                (layout.x, layout.y - s),
                (layout.x + w, layout.y + s * 0.2),
                (layout.x, layout.y + s),
                (layout.x - w, layout.y + s * 0.2),
            ],
            palette.colour("subject", 1.1),
            subject=True,
        )
    canvas.ellipse((layout.x + 0.5 * w, layout.y - 0.5 * s), (0.4 * s, 0.4 * s), palette.colour("accent"), subject=True)
