"""What light and camera do to a painted scene: shading, focus, exposure, tone, cast, sensor and compression.

Every failing comes in kinds that pull simple statistics of the picture in opposite directions (over- and underexposed,
flat and harsh, blurred and noisy), so that no single statistic of a photo can stand for its beauty.
"""

import cv2
import numpy as np
import simplejpeg

from assets.landing.simulator.scene_canvas import Canvas, Image
from assets.landing.simulator.scene_traits import Traits

_LUMA = np.array([0.299, 0.587, 0.114])


def light_scene(canvas: Canvas, traits: Traits, warmth: float, rng: np.random.Generator) -> Image:
    """Linear picture (height, width, 3) of the canvas under its light.

    Good light comes from a side: it wraps around the subject, is warm where it falls and cool in the shade, and
    casts a soft shadow. Poor light is either flat or a flash on the lens axis.
    """
    angle, harsh = rng.uniform(0.15 * np.pi, 0.85 * np.pi), bool(rng.random() < 0.5)
    side = 1.0 if rng.random() < 0.5 else -1.0
    style = rng.uniform(0.6, 1.2)
    good, bad = traits.light * style, (1.0 - traits.light) ** 1.2
    direction = (side * float(np.cos(angle / 2)), -float(np.sin(angle / 2)))
    height, width = canvas.subject.shape
    picture = canvas.rgb.astype(np.float32) * np.float32(1 / 255)
    mask = canvas.subject.astype(np.float32) * np.float32(1 / 255)
    x, y = np.linspace(-1, 1, width, dtype=np.float32)[None, :], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    ramp = 0.5 * (direction[0] * x + direction[1] * y)
    relief = cv2.GaussianBlur(mask, (0, 0), height * 0.055)
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) * -direction[0] + cv2.Sobel(relief, cv2.CV_32F, 0, 1) * -direction[1]
    wrap = np.clip(slope * (height * 0.018), -1.0, 1.0) * mask
    offset = np.array([[1, 0, -direction[0] * height * 0.10], [0, 1, height * 0.05]], np.float32)
    shadow = cv2.warpAffine(relief, offset, (width, height)) * (1.0 - mask)
    lit = 1.0 + np.float32(good) * (0.30 * ramp + 0.75 * wrap - 0.45 * shadow)
    warm = np.float32(0.16 * good * (0.4 + 0.6 * abs(warmth))) * (ramp + wrap)
    if harsh:
        cx, cy = rng.uniform(-0.3, 0.3, 2)
        spot = np.exp(-1.6 * (x - np.float32(cx)) ** 2) * np.exp(-1.6 * (y - np.float32(cy)) ** 2)
        edge = np.clip(cv2.dilate(mask, np.ones((3, 3), np.uint8)) - mask, 0.0, 1.0)
        lit = lit * (1.0 + bad * (1.15 * spot - 0.55) - bad * 0.5 * edge)
    elif bad > 0.0:
        even = cv2.resize(cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA), (width, height))
        picture = picture + np.float32(0.35 * bad) * (even.mean(axis=(0, 1)) - even)
    red, green, blue = cv2.split(picture)
    return np.asarray(cv2.merge([red * (lit + lit * warm), green * lit, blue * (lit - lit * warm)]), np.float32)


def focus(picture: Image, mask: Image, traits: Traits, rng: np.random.Generator) -> Image:
    """Put the picture in focus: a sharp subject before a soft or sharp background, or one of four ways to miss it."""
    depth, kind, angle = rng.random(), int(rng.integers(4)), rng.uniform(0.0, np.pi)
    height = picture.shape[0]
    if depth < 0.5 and traits.focus > 0.3:
        soft = cv2.GaussianBlur(picture, (0, 0), 0.3 + height * 0.028 * (0.3 + depth) * traits.focus)
        cover = np.clip(cv2.GaussianBlur(mask, (0, 0), 0.7) * 1.4, 0.0, 1.0)[:, :, None]
        picture = soft + cover * (picture - soft)
    miss = max(0.0, 0.72 - traits.focus) / 0.72
    if miss <= 0.05:
        return picture
    sigma = 0.35 + height * 0.018 * miss
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
    if kind == 1:
        return _shake(picture, 1.5 + height * 0.085 * miss, angle)
    if kind == 2:
        soft = cv2.GaussianBlur(picture, (0, 0), sigma * 1.3)
        return np.asarray(picture + mask[:, :, None] * (soft - picture), np.float32)
    halo = picture - cv2.GaussianBlur(picture, (0, 0), 1.1)
    return np.asarray(picture + np.float32(1.6 * miss) * halo, np.float32)


def _shake(picture: Image, length: float, angle: float) -> Image:
    size = int(length) | 1
    kernel = np.zeros((size, size), np.float32)
    reach = size / 2 - 0.5
    dx, dy = reach * float(np.cos(angle)), reach * float(np.sin(angle))
    start, end = (round(reach - dx), round(reach - dy)), (round(reach + dx), round(reach + dy))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)


def expose(picture: Image, traits: Traits, rng: np.random.Generator) -> Image:
    """Exposure and tone: the right amount of light for the picture's own key, or too much or too little of it."""
    key, over, crush = rng.normal(0.0, 0.16), rng.random() < 0.62, rng.random() < 0.35
    error = (1.0 - traits.exposure) ** 1.1
    stops = key + (1.1 * error if over else -1.3 * error)
    picture = picture * np.float32(2.0**stops)
    flaw = (1.0 - traits.tone) ** 1.1
    if crush:
        picture = (picture - 0.45) * np.float32(1.0 + 0.8 * flaw) + 0.45
    else:
        haze = np.float32(rng.uniform(0.45, 0.75))
        picture = haze + (picture - haze) * np.float32(1.0 - 0.58 * flaw)
    # A filmic shoulder keeps the highlights of a well-toned picture; a careless one clips.
    knee = np.float32(0.80 + 0.19 * flaw)
    excess = np.maximum(picture - knee, 0.0)
    return np.asarray(picture - excess + excess / (1.0 + 0.6 * excess / (1.0 - knee)), np.float32)


def grade(picture: Image, traits: Traits, rng: np.random.Generator) -> Image:
    """Colour grading: a mild split of warm lights and cool shades, or a cast and a wrong saturation."""
    warm, amount = rng.normal(0.0, 0.035), rng.uniform(0.5, 1.0)
    side, garish = rng.uniform(-1.0, 1.0), rng.random() < 0.5
    bad = (1.0 - traits.colour) ** 1.2
    split = 0.30 * amount * (traits.colour - 0.4)
    cast = 0.11 * bad * (1.0 if side > 0.4 else -1.0) * (0.5 + 0.5 * abs(side))
    gain = float(np.exp(rng.normal(0.0, 0.15) + bad * (0.55 if garish else -0.75)))
    # Saturation about the grey axis, the split along luma and the cast are one affine map of RGB.
    linear = gain * np.eye(3) + (1.0 - gain) * _LUMA + split * np.outer((1.0, 0.0, -1.0), _LUMA)
    offset = np.array((warm + 0.5 * cast - 0.5 * split, -cast, 0.5 * cast + 0.5 * split - warm))
    return np.asarray(cv2.transform(picture, np.column_stack([linear, offset])), np.float32)


def develop(picture: Image, traits: Traits, rng: np.random.Generator) -> bytes:
    """JPEG bytes: sensor noise, the picture's history of careless compression, and a final quality of no meaning."""
    grain, quality = rng.gamma(2.0, 0.004), int(rng.integers(62, 96))
    coloured, recompressed = rng.random() < 0.6, rng.random() < 0.4
    dirt = (1.0 - traits.cleanness) ** 1.25
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    if not coloured:
        noise = np.repeat(noise[:, :, :1], 3, axis=2)
    level = grain + (0.0 if recompressed else 0.085 * dirt)
    pixels = np.clip((picture + np.float32(level) * noise) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if recompressed and dirt > 0.1:
        pixels = simplejpeg.decode_jpeg(
            simplejpeg.encode_jpeg(pixels, quality=int(70 - 58 * dirt), colorsubsampling="420")
        )
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling="420"))
