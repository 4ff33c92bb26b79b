"""Procedural photos: JPEG bytes that carry latent beauty the way photographs do.

A photo is a scene (what was there: category, subject, time of day, all without merit), painted and then taken with
more or less skill. Beauty leans on nine noisy skills (:mod:`scene_traits`); the painters (:mod:`scene_subjects`) and
the camera (:mod:`scene_camera`) turn skills into pixels. The same seed at another beauty is the same scene taken
with better or worse skill, which counterfactual worlds rely on.
"""

from math import isfinite

import cv2
import numpy as np

from assets.landing.simulator.scene_camera import develop, expose, focus, grade, light_scene
from assets.landing.simulator.scene_canvas import Canvas, Image
from assets.landing.simulator.scene_layout import add_clutter, draw_layout
from assets.landing.simulator.scene_palette import draw_palette
from assets.landing.simulator.scene_subjects import PAINTERS
from assets.landing.simulator.scene_traits import CATEGORIES, draw_traits

__all__ = ["CATEGORIES", "render_photo"]

MIN_SIZE = 32
# The painted scene is larger than the photo, so that a tilted camera still sees scene in its corners.
_MARGIN = 1.25
_ASPECTS = (1.0, 4 / 3, 4 / 3, 3 / 2, 3 / 2, 3 / 2, 16 / 9)


def render_photo(latent_beauty: float, category: str, seed: int, size: int = 128) -> bytes:
    """One photo as JPEG bytes; the same arguments give the same bytes.

    Args:
        latent_beauty: Beauty in [0, 1] that the photo's skills lean on.
        category: One of ``CATEGORIES``.
        seed: Non-negative; chooses the scene, the photo's own noise, its aspect and its compression.
        size: Pixels of the long side; the short side follows the photo's aspect.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if not (isfinite(latent_beauty) and 0.0 <= latent_beauty <= 1.0):
        raise ValueError(f"latent_beauty must be in [0, 1], got {latent_beauty!r}")
    if category not in CATEGORIES:
        raise ValueError(f"category must be one of {', '.join(CATEGORIES)}, got {category!r}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    if size < MIN_SIZE:
        raise ValueError(f"size must be at least {MIN_SIZE} px, got {size}")
    skills_rng, scene_rng, camera_rng = (
        np.random.Generator(np.random.PCG64([seed, CATEGORIES.index(category), stream])) for stream in range(3)
    )
    traits = draw_traits(latent_beauty, category, skills_rng)
    width, height = _frame(size, camera_rng)
    tilt = _tilt(traits.level, camera_rng)
    canvas = Canvas(round(width * _MARGIN), round(height * _MARGIN))
    palette = draw_palette(traits.colour, scene_rng)
    layout = draw_layout(traits.composition, scene_rng)
    PAINTERS[category](canvas, palette, layout, scene_rng)
    add_clutter(canvas, traits.clutter, palette, skills_rng)
    picture = light_scene(canvas, traits, palette.warmth, camera_rng)
    mask = canvas.subject.astype(np.float32) * np.float32(1 / 255)
    picture = focus(picture, mask, traits, camera_rng)
    picture = _crop(picture, width, height, tilt)
    picture = grade(expose(picture, traits, camera_rng), traits, camera_rng)
    return develop(picture, traits, camera_rng)


def _frame(size: int, rng: np.random.Generator) -> tuple[int, int]:
    aspect, upright = _ASPECTS[int(rng.integers(len(_ASPECTS)))], rng.random() < 0.25
    short = round(size / aspect)
    return (short, size) if upright else (size, short)


def _tilt(level: float, rng: np.random.Generator) -> float:
    """Degrees by which the camera hangs: about none where ``level`` is good, up to 13 where it is not."""
    side, jitter = (1.0 if rng.random() < 0.5 else -1.0), rng.normal(0.0, 0.7)
    return float(jitter + side * 13.0 * max(0.0, 0.8 - level) ** 1.3)


def _crop(picture: Image, width: int, height: int, tilt: float) -> Image:
    full_h, full_w = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((full_w / 2, full_h / 2), tilt, 1.0)
    turn[:, 2] += (width - full_w) / 2, (height - full_h) / 2
    cropped = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cropped, np.float32)
