"""Painters of the outdoors: scenery and architecture.

Which subject there is, and how many ridges, columns or clouds, says nothing about beauty.
"""

import numpy as np

from assets.landing.simulator.scene_backgrounds import paint_sky
from assets.landing.simulator.scene_canvas import Canvas, Colour
from assets.landing.simulator.scene_layout import Layout
from assets.landing.simulator.scene_palette import Palette


def paint_scenery(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """Sky over ridges, a plain, or water that mirrors them, with a tree, a house or a boat."""
    paint_sky(canvas, palette, layout.horizon, rng)
    ridges, water = int(rng.integers(0, 4)), rng.random() < 0.4
    for i in range(ridges):
        depth = (i + 1) / ridges
        _ridge(
            canvas,
            layout.horizon + 0.01,
            0.26 - 0.15 * depth,
            palette.colour("far", 1.15 - 0.5 * depth, 0.6 + 0.6 * depth),
            rng,
        )
    first = round(layout.horizon * canvas.height)
    if water:
        mirrored = canvas.rgb[:first][::-1][: canvas.height - first]
        rows = min(len(mirrored), canvas.height - first)
        canvas.gradient(palette.colour("sky_bottom", 0.75), palette.colour("sky_top", 0.55), layout.horizon)
        canvas.rgb[first : first + rows] = (0.6 * mirrored[:rows] + 0.3 * canvas.rgb[first : first + rows]).astype(
            np.uint8
        )
        canvas.texture(rng, rng.uniform(0.05, 0.16), (2.5, 0.5), layout.horizon)
    else:
        canvas.gradient(palette.colour("ground", 1.15, 0.8), palette.colour("ground", 0.65, 1.1), layout.horizon)
        canvas.texture(rng, rng.uniform(0.05, 0.2), (1.0, 0.5), layout.horizon)
        if rng.random() < 0.5:
            end = layout.x
            road = palette.colour("neutral")
            canvas.polygon([(end - 0.01, layout.horizon), (end + 0.01, layout.horizon), (0.75, 1.0), (0.35, 1.0)], road)
    base = layout.horizon + 0.10
    if water:
        _boat(canvas, layout, base, palette)
    elif rng.random() < 0.6:
        _tree(canvas, layout, base, palette, rng)
    else:
        _house(canvas, layout, base, palette)


def _ridge(canvas: Canvas, base: float, height: float, colour: Colour, rng: np.random.Generator) -> None:
    count = 24
    noise = np.cumsum(rng.normal(0.0, 1.0, count))
    noise -= np.linspace(noise[0], noise[-1], count)
    top = base - height * (0.5 + 0.5 * noise / (np.abs(noise).max() + 1e-6))
    xs = np.linspace(-0.02, 1.02, count)
    canvas.polygon([(-0.02, base), *zip(xs.tolist(), top.tolist(), strict=True), (1.02, base)], colour)


def _boat(canvas: Canvas, layout: Layout, base: float, palette: Palette) -> None:
    x, s = layout.x, layout.scale * 0.8
    w = s * canvas.height / canvas.width
    canvas.polygon(
        [(x - w * 0.5, base), (x + w * 0.5, base), (x + w * 0.35, base + s * 0.16), (x - w * 0.38, base + s * 0.16)],
        palette.colour("subject", 0.8),
        subject=True,
    )
    canvas.polygon(
        [(x, base - s), (x, base - s * 0.06), (x + layout.facing * w * 0.45, base - s * 0.06)],
        palette.colour("accent", 1.2, 0.5),
        subject=True,
    )
    canvas.polygon(
        [(x, base - s * 0.8), (x, base - s * 0.06), (x - layout.facing * w * 0.28, base - s * 0.06)],
        palette.colour("neutral", 1.3),
        subject=True,
    )


def _tree(canvas: Canvas, layout: Layout, base: float, palette: Palette, rng: np.random.Generator) -> None:
    x, s = layout.x, layout.scale
    w = s * canvas.height / canvas.width
    canvas.line(
        [(x, base), (x + 0.02 * w, base - s * 0.55)], palette.colour("neutral", 0.45, 2.0), 0.07 * s, subject=True
    )
    pointed = rng.random() < 0.4
    for i in range(7):
        dx, dy, r = rng.uniform(-0.28, 0.28), rng.uniform(-0.2, 0.2), rng.uniform(0.14, 0.24)
        shade = palette.colour("subject", 0.6 + 0.06 * i)
        if pointed:
            y = base - s * (0.2 + 0.11 * i)
            canvas.polygon(
                [(x - w * (0.34 - 0.045 * i), y), (x + w * (0.34 - 0.045 * i), y), (x, y - s * 0.26)],
                shade,
                subject=True,
            )
        else:
            canvas.ellipse((x + dx * w, base - s * (0.68 - dy)), (r * s, r * s * 0.9), shade, subject=True)


def _house(canvas: Canvas, layout: Layout, base: float, palette: Palette) -> None:
    x, s = layout.x, layout.scale * 0.8
    w = s * canvas.height / canvas.width
    wall = palette.colour("neutral", 1.2)
    canvas.polygon(
        [(x - w * 0.45, base), (x + w * 0.45, base), (x + w * 0.45, base - s * 0.5), (x - w * 0.45, base - s * 0.5)],
        wall,
        subject=True,
    )
    canvas.polygon(
        [(x - w * 0.55, base - s * 0.48), (x + w * 0.55, base - s * 0.48), (x, base - s * 0.95)],
        palette.colour("subject"),
        subject=True,
    )
    for dx in (-0.25, 0.0, 0.25):
        canvas.polygon(
            [
                (x + w * (dx - 0.06), base - s * 0.2),
                (x + w * (dx + 0.06), base - s * 0.2),
                (x + w * (dx + 0.06), base - s * 0.38),
                (x + w * (dx - 0.06), base - s * 0.38),
            ],
            palette.colour("accent", 0.9),
            subject=True,
        )


def paint_architecture(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """A facade with its rows of windows, seen frontally or along the street, under the sky."""
    ground = min(0.93, layout.horizon + 0.25)
    paint_sky(canvas, palette, ground, rng)
    canvas.gradient(palette.colour("neutral", 0.8), palette.colour("neutral", 0.55), ground)
    canvas.texture(rng, 0.08, (1.5, 0.5), ground)
    ratio = canvas.height / canvas.width
    for u, v, t in rng.random((4, 3)):
        left, top = u, ground - 0.12 - 0.3 * v
        canvas.polygon(
            [(left - 0.12, ground), (left + 0.12, ground), (left + 0.12, top), (left - 0.12, top)],
            palette.colour("far", 0.8 + 0.4 * t),
        )
    half = layout.scale * rng.uniform(0.7, 1.05) * ratio
    top = max(-0.05, ground - layout.scale * rng.uniform(1.1, 1.75))
    slant = (0.0, 0.0, 0.12, -0.12)[int(rng.integers(4))]
    left_top, right_top = top + slant, top - slant
    x0, x1 = layout.x - half, layout.x + half

    def at(u: float, v: float) -> tuple[float, float]:
        high = left_top + (right_top - left_top) * u
        return x0 + (x1 - x0) * u, ground + (high - ground) * v

    canvas.polygon([at(0, 0), at(1, 0), at(1, 1), at(0, 1)], palette.colour("subject"), subject=True)
    roof = rng.random()
    if roof < 0.4:
        peak = (layout.x, min(left_top, right_top) - 0.14)
        canvas.polygon([at(-0.06, 1), at(1.06, 1), peak], palette.colour("accent", 0.8), subject=True)
    columns, rows, arched = int(rng.integers(3, 7)), int(rng.integers(3, 7)), rng.random() < 0.4
    glass = palette.colour("accent", 0.55) if rng.random() < 0.5 else palette.colour("sky_bottom", 1.0)
    for i in range(columns):
        for j in range(rows):
            u, v = (i + 0.28) / columns, (j + 0.25) / rows
            du, dv = 0.44 / columns, 0.5 / rows
            canvas.polygon([at(u, v), at(u + du, v), at(u + du, v + dv), at(u, v + dv)], glass)
            if arched:
                canvas.ellipse(at(u + du / 2, v + dv), (du * (x1 - x0) / ratio / 2, 0.02), glass)
