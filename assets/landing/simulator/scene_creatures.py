"""Painters of the living: animals and persons.

Kind, coat, skin, hair and company say nothing about beauty.
"""

import numpy as np

from assets.landing.simulator.scene_backgrounds import paint_backdrop
from assets.landing.simulator.scene_canvas import Canvas, Colour
from assets.landing.simulator.scene_layout import Layout
from assets.landing.simulator.scene_palette import Palette


def paint_animal(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """A four-legged animal, a sitting cat or a bird on its ground."""
    paint_backdrop(canvas, palette, layout.horizon + 0.08, rng)
    coat = palette.colour("subject")
    dark = palette.colour("subject", 0.55)
    kind = int(rng.integers(3))
    s, f = layout.scale, layout.facing
    ratio = canvas.height / canvas.width

    def at(dx: float, dy: float) -> tuple[float, float]:
        return layout.x + f * dx * s * ratio, layout.y + dy * s

    if kind == 0:
        for dx in (-0.36, -0.24, 0.24, 0.36):
            canvas.line([at(dx, 0.1), at(dx + 0.02, 0.62)], dark if abs(dx) > 0.3 else coat, 0.10 * s, subject=True)
        canvas.line([at(-0.45, -0.05), at(-0.7, -0.3), at(-0.72, -0.45)], coat, 0.06 * s, subject=True)
        canvas.ellipse(at(0, 0), (0.52 * s, 0.26 * s), coat, subject=True)
        head, r = at(0.58, -0.34), 0.2
    elif kind == 1:
        canvas.line([at(-0.2, 0.5), at(-0.55, 0.4), at(-0.6, 0.05)], dark, 0.09 * s, subject=True)
        canvas.ellipse(at(0, 0.2), (0.34 * s, 0.46 * s), coat, subject=True)
        canvas.ellipse(at(0.16, 0.55), (0.1 * s, 0.14 * s), dark, subject=True)
        head, r = at(0.1, -0.38), 0.27
    else:
        canvas.polygon([at(-0.3, 0.05), at(-0.95, 0.35), at(-0.35, 0.25)], dark, subject=True)
        canvas.ellipse(at(0, 0.1), (0.42 * s, 0.28 * s), coat, angle=-20 * f, subject=True)
        canvas.ellipse(at(-0.08, 0.08), (0.26 * s, 0.14 * s), dark, angle=-10 * f, subject=True)
        canvas.line([at(0.0, 0.34), at(0.02, 0.6)], palette.colour("accent"), 0.03 * s, subject=True)
        head, r = at(0.36, -0.22), 0.18
    _head(canvas, head, r * s, f, coat, palette, eared=kind < 2, beaked=kind == 2)
    spots = rng.random((5, 2))
    if rng.random() < 0.4:
        for u, v in spots:
            canvas.ellipse(at(0.5 * (u - 0.5), 0.3 * (v - 0.5) + 0.06), (0.07 * s, 0.05 * s), dark)


def _head(
    canvas: Canvas,
    centre: tuple[float, float],
    r: float,
    facing: float,
    coat: Colour,
    palette: Palette,
    *,
    eared: bool,
    beaked: bool,
) -> None:
    ratio = canvas.height / canvas.width
    x, y = centre
    if eared:
        for side in (-0.65, 0.65):
            tip = x + side * r * ratio
            canvas.polygon(
                [
                    (tip - 0.35 * r * ratio, y - 0.5 * r),
                    (tip + 0.35 * r * ratio, y - 0.5 * r),
                    (tip + 0.1 * side * r * ratio, y - 1.5 * r),
                ],
                coat,
                subject=True,
            )
    canvas.ellipse(centre, (r, r * 0.92), coat, subject=True)
    if beaked:
        canvas.polygon(
            [
                (x + facing * r * 0.8 * ratio, y - 0.3 * r),
                (x + facing * r * 0.8 * ratio, y + 0.3 * r),
                (x + facing * r * 1.8 * ratio, y + 0.1 * r),
            ],
            palette.colour("accent"),
            subject=True,
        )
    else:
        canvas.ellipse(
            (x + facing * 0.35 * r * ratio, y + 0.4 * r),
            (0.38 * r, 0.28 * r),
            palette.colour("subject", 1.35, 0.5),
            subject=True,
        )
    for dx in (-0.2, 0.5):
        canvas.ellipse((x + facing * dx * r * ratio, y - 0.15 * r), (0.13 * r, 0.16 * r), (0.05, 0.04, 0.05))


def paint_person(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """Head and shoulders of one or two people before a backdrop."""
    paint_backdrop(canvas, palette, 1.2, rng)
    ratio = canvas.height / canvas.width
    if rng.random() < 0.25:
        _bust(
            canvas,
            layout.x - layout.facing * 0.75 * layout.scale * ratio,
            layout.y + 0.05,
            layout,
            palette,
            "accent",
            rng,
        )
    _bust(canvas, layout.x, layout.y - 0.06, layout, palette, "subject", rng)


def _bust(
    canvas: Canvas, x: float, y: float, layout: Layout, palette: Palette, part: str, rng: np.random.Generator
) -> None:
    s = layout.scale * 0.85
    w, f = s * canvas.height / canvas.width, layout.facing
    tone, long_hair, hair_tone, smile = rng.random(), rng.random() < 0.5, rng.random(), rng.uniform(-0.02, 0.06)
    skin = (0.92 - 0.50 * tone, 0.74 - 0.48 * tone, 0.62 - 0.45 * tone)
    shade = (skin[0] * 0.8, skin[1] * 0.76, skin[2] * 0.74)
    hair = (0.12 + 0.55 * hair_tone**2, 0.08 + 0.38 * hair_tone**2, 0.06 + 0.16 * hair_tone**2)
    if long_hair:
        canvas.ellipse((x, y + 0.12 * s), (0.4 * s, 0.58 * s), hair, subject=True)
    canvas.polygon(
        [
            (x - 0.12 * w, y + 0.2 * s),
            (x + 0.12 * w, y + 0.2 * s),
            (x + 0.15 * w, y + 0.62 * s),
            (x - 0.15 * w, y + 0.62 * s),
        ],
        shade,
        subject=True,
    )
    canvas.ellipse((x, y + 1.05 * s), (0.68 * s, 0.52 * s), palette.colour(part), subject=True)
    canvas.polygon(
        [
            (x - 0.68 * w, y + 1.05 * s),
            (x + 0.68 * w, y + 1.05 * s),
            (x + 0.75 * w, y + 2.4 * s),
            (x - 0.75 * w, y + 2.4 * s),
        ],
        palette.colour(part),
        subject=True,
    )
    canvas.ellipse((x, y - 0.06 * s), (0.36 * s, 0.44 * s), hair, subject=True)
    canvas.ellipse((x + f * 0.02 * w, y + 0.05 * s), (0.29 * s, 0.37 * s), skin, subject=True)
    for side in (-0.12, 0.12):
        canvas.ellipse(
            (x + (side + 0.05 * f) * w, y + 0.0 * s), (0.04 * s, 0.026 * s), (0.08, 0.06, 0.06), subject=True
        )
    canvas.line([(x + 0.05 * f * w, y + 0.04 * s), (x + 0.08 * f * w, y + 0.14 * s)], shade, 0.02 * s)
    mouth = y + 0.24 * s
    canvas.line(
        [
            (x + (0.05 * f - 0.09) * w, mouth - smile * s),
            (x + 0.05 * f * w, mouth),
            (x + (0.05 * f + 0.09) * w, mouth - smile * s),
        ],
        (0.6, 0.25, 0.25),
        0.03 * s,
    )
