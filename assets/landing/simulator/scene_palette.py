"""Colours of one photo: a time of day, a harmony of hues, and how well both were kept.

Mood, hue and saturation are variety without merit; what beauty governs is only whether the hues of the photo's
parts belong together (colour harmony after Matsuda's hue templates, as in Cohen-Or et al. 2006, Color Harmonization).
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.scene_canvas import Colour

# Hue, saturation, value of the sky's top and bottom, hue of the ground, warmth of the light.
_MOODS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], float, float]] = {
    "dawn": ((0.62, 0.40, 0.60), (0.94, 0.30, 0.88), 0.28, 0.4),
    "noon": ((0.58, 0.62, 0.78), (0.55, 0.22, 0.94), 0.26, 0.0),
    "golden": ((0.57, 0.34, 0.66), (0.09, 0.55, 0.95), 0.15, 0.9),
    "dusk": ((0.69, 0.55, 0.36), (0.03, 0.55, 0.78), 0.66, 0.6),
    "overcast": ((0.58, 0.10, 0.66), (0.58, 0.06, 0.80), 0.30, -0.2),
    "moonlight": ((0.63, 0.60, 0.22), (0.58, 0.42, 0.46), 0.52, -0.6),
}
MOODS: tuple[str, ...] = tuple(_MOODS)
_HARMONIES = (0.0, 0.06, 0.42, 0.5, 0.58)


@dataclass(frozen=True, slots=True)
class Palette:
    """Hue, saturation and value of each part of the scene; ``warmth`` of the light from -1 (blue) to 1 (amber)."""

    mood: str
    parts: dict[str, tuple[float, float, float]]
    warmth: float

    def colour(self, part: str, brightness: float = 1.0, saturation: float = 1.0, hue: float = 0.0) -> Colour:
        """RGB in [0, 1] of a part, made brighter, more saturated or shifted in hue (turns)."""
        h, s, v = self.parts[part]
        return hsv_to_rgb((h + hue) % 1.0, min(1.0, s * saturation), min(1.0, v * brightness))


def draw_palette(harmony: float, rng: np.random.Generator) -> Palette:
    """Colours of a photo whose parts agree as well as ``harmony`` in [0, 1] says."""
    mood = MOODS[int(rng.integers(len(MOODS)))]
    top, bottom, ground_hue, warmth = _MOODS[mood]
    night = 0.55 if mood in ("dusk", "moonlight") else 1.0
    partner = (bottom[0] + _HARMONIES[int(rng.integers(len(_HARMONIES)))]) % 1.0
    value, richness = rng.uniform(0.45, 0.9), rng.uniform(0.35, 0.85)
    parts = {
        "sky_top": top,
        "sky_bottom": bottom,
        "far": (top[0], 0.30, 0.62 * night),
        "ground": (ground_hue, 0.42, 0.55 * night),
        "backdrop": (partner + 0.5 * int(rng.integers(2)), 0.28, rng.uniform(0.25, 0.85)),
        "subject": (partner, richness, value),
        "accent": (partner + (0.03, 0.5)[int(rng.integers(2))], min(1.0, richness + 0.15), rng.uniform(0.5, 0.95)),
        "neutral": (ground_hue, 0.12, rng.uniform(0.3, 0.9)),
    }
    clash = (1.0 - harmony) ** 1.15
    shifts, gains = rng.uniform(-0.38, 0.38, len(parts)), rng.uniform(-1.0, 1.0, len(parts))
    keep = float(np.exp(rng.normal(0.0, 0.25)))
    kept = {
        name: ((h + clash * shifts[i]) % 1.0, min(1.0, s * keep * float(np.exp(0.9 * clash * gains[i]))), v)
        for i, (name, (h, s, v)) in enumerate(parts.items())
    }
    return Palette(mood=mood, parts=kept, warmth=warmth)
