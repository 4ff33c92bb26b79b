"""What was there: one painter per category, the layout they share, and the clutter that a careless eye lets in.

Painters draw on a canvas larger than the photo (the photo's edges are at 0.1 and 0.9 of it), because the camera may
be tilted. Which subject, how many of them and how much texture there is say nothing about beauty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.scene_canvas import Canvas, Colour, fractal
from assets.landing.simulator.scene_palette import Palette

_FIRST, _LAST = 0.1, 0.9


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
        x, y = _FIRST + 0.8 * u, _FIRST + 0.8 * v
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


def _sky(canvas: Canvas, palette: Palette, horizon: float, rng: np.random.Generator) -> None:
    canvas.gradient(palette.colour("sky_top"), palette.colour("sky_bottom"), 0.0, horizon)
    cloudy, sun, x, y = rng.random(), rng.random(), rng.uniform(0.15, 0.85), rng.uniform(0.3, 0.9)
    rows = round(horizon * canvas.height)
    noise = fractal(rng, canvas.width, rows, (0.9, 0.45))
    if sun < 0.4:
        centre = (x, horizon * y)
        canvas.ellipse(centre, (0.045, 0.045), palette.colour("sky_bottom", 1.5, 0.35))
    if cloudy < 0.7 and rows > 2:
        canvas.veil(np.clip(0.55 * (noise - 0.2 - 0.6 * cloudy), 0.0, 0.85), palette.colour("sky_bottom", 1.15, 0.4))


def _ridge(canvas: Canvas, base: float, height: float, colour: Colour, rng: np.random.Generator) -> None:
    count = 24
    noise = np.cumsum(rng.normal(0.0, 1.0, count))
    noise -= np.linspace(noise[0], noise[-1], count)
    top = base - height * (0.5 + 0.5 * noise / (np.abs(noise).max() + 1e-6))
    xs = np.linspace(-0.02, 1.02, count)
    canvas.polygon([(-0.02, base), *zip(xs.tolist(), top.tolist(), strict=True), (1.02, base)], colour)


def _paint_scenery(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """Sky over ridges, a plain, or water that mirrors them, with a tree, a house or a boat."""
    _sky(canvas, palette, layout.horizon, rng)
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


def _backdrop(canvas: Canvas, palette: Palette, floor: float, rng: np.random.Generator) -> None:
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


def _paint_animal(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """A four-legged animal, a sitting cat or a bird on its ground."""
    _backdrop(canvas, palette, layout.horizon + 0.08, rng)
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


def _paint_object(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """One to three things on a table: a vase with flowers, a cup, a bottle, fruit."""
    table = layout.y + 0.32 * layout.scale
    _backdrop(canvas, palette, min(0.95, table - 0.06), rng)
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


def _paint_person(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """Head and shoulders of one or two people before a backdrop."""
    _backdrop(canvas, palette, 1.2, rng)
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


def _paint_architecture(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
    """A facade with its rows of windows, seen frontally or along the street, under the sky."""
    ground = min(0.93, layout.horizon + 0.25)
    _sky(canvas, palette, ground, rng)
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


def _paint_abstract(canvas: Canvas, palette: Palette, layout: Layout, rng: np.random.Generator) -> None:
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


Painter = Callable[[Canvas, Palette, Layout, np.random.Generator], None]

PAINTERS: dict[str, Painter] = {
    "scenery": _paint_scenery,
    "animal": _paint_animal,
    "object": _paint_object,
    "person": _paint_person,
    "architecture": _paint_architecture,
    "abstract": _paint_abstract,
}
