"""How a photo's latent beauty spreads over what a photographer does well or badly.

Beauty is never drawn itself. It leans on nine separate skills, each with its own noise and with a weight that
depends on the category; a photo may be lovely in its light and careless in its composition. The skills are turned
into pixels by :mod:`scene_layout` (composition, clutter), :mod:`scene_palette` (colour) and :mod:`scene_camera`
(the others, and colour again).
"""

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

LATENT_MEAN = 0.5
LATENT_SD = 0.18

SKILLS = ("composition", "level", "light", "exposure", "tone", "colour", "focus", "cleanness", "clutter")

# Correlation of each skill with latent beauty before the cumulative normal: order as in SKILLS.
_LOADINGS: dict[str, tuple[float, ...]] = {
    "scenery": (0.86, 0.94, 0.94, 0.86, 0.91, 0.94, 0.71, 0.81, 0.86),
    "animal": (0.94, 0.51, 0.91, 0.81, 0.71, 0.81, 0.94, 0.91, 0.94),
    "object": (0.91, 0.71, 0.94, 0.86, 0.81, 0.91, 0.91, 0.86, 0.94),
    "person": (0.91, 0.61, 0.94, 0.91, 0.81, 0.86, 0.94, 0.81, 0.94),
    "architecture": (0.91, 0.94, 0.91, 0.81, 0.94, 0.86, 0.71, 0.76, 0.91),
    "abstract": (0.94, 0.51, 0.81, 0.71, 0.91, 0.94, 0.81, 0.91, 0.91),
}

CATEGORIES: tuple[str, ...] = tuple(_LOADINGS)


@dataclass(frozen=True, slots=True)
class Traits:
    """Goodness of each skill in one photo: 0 = as bad as it gets, 1 = flawless."""

    composition: float
    level: float
    light: float
    exposure: float
    tone: float
    colour: float
    focus: float
    cleanness: float
    clutter: float


def draw_traits(latent_beauty: float, category: str, rng: np.random.Generator) -> Traits:
    """Skills of one photo, each the normal rank of a noisy copy of its latent beauty.

    A fixed number of draws is taken, so that the same ``rng`` gives the same noise at every beauty.

    Args:
        latent_beauty: Beauty in [0, 1].
        category: One of ``CATEGORIES``.
        rng: Source of the skills' own noise.
    """
    z = (latent_beauty - LATENT_MEAN) / LATENT_SD
    noise = rng.standard_normal(len(SKILLS))
    loadings = _LOADINGS[category]
    scores = [rho * z + sqrt(1.0 - rho * rho) * float(e) for rho, e in zip(loadings, noise, strict=True)]
    return Traits(*(0.5 * (1.0 + erf(score / sqrt(2.0))) for score in scores))
