"""Photos of the simulator: honest bytes, and beauty that pixels tell but no single number does."""

import subprocess
import sys
from hashlib import sha256

import cv2
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import spearmanr

from assets.landing.simulator.renderer import CATEGORIES, render_photo

Array = NDArray[np.float32]
PHOTOS = 1300
TRAINED = 950


def decoded(photo: bytes) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels


@pytest.fixture(scope="module")
def album() -> tuple[NDArray[np.float64], list[bytes]]:
    """Latent beauty as a community has it, and a small photo of each."""
    rng = np.random.default_rng(11)
    beauty = np.clip(rng.normal(0.5, 0.18, PHOTOS), 0.0, 1.0)
    photos = [render_photo(float(b), CATEGORIES[i % len(CATEGORIES)], i, size=64) for i, b in enumerate(beauty)]
    return beauty, photos


@pytest.mark.parametrize("category", CATEGORIES)
def test_render_photo_gives_a_jpeg_of_the_asked_size(category: str) -> None:
    for seed, size in ((1, 128), (2, 97), (3, 32), (2**40, 256)):
        photo = render_photo(0.6, category, seed, size=size)
        assert photo[:3] == b"\xff\xd8\xff"
        pixels = decoded(photo)
        assert max(pixels.shape[:2]) == size
        assert min(pixels.shape[:2]) >= size // 2
        assert pixels.std() > 0.0


def test_render_photo_defaults_to_128_pixels_in_several_aspects() -> None:
    shapes = {decoded(render_photo(0.5, "scenery", seed)).shape[:2] for seed in range(30)}
    assert {max(shape) for shape in shapes} == {128}
    assert len(shapes) >= 4


@pytest.mark.parametrize("category", CATEGORIES)
def test_render_photo_is_deterministic(category: str) -> None:
    assert render_photo(0.31, category, 77) == render_photo(0.31, category, 77)


def test_render_photo_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from assets.landing.simulator.renderer import CATEGORIES, render_photo;"
        "print(sha256(b''.join(render_photo(0.4, c, 5) for c in CATEGORIES)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = sha256(b"".join(render_photo(0.4, category, 5) for category in CATEGORIES)).hexdigest()
    assert other.stdout.strip() == here


@pytest.mark.parametrize("category", CATEGORIES)
def test_render_photo_varies_with_every_argument(category: str) -> None:
    assert len({render_photo(0.5, category, seed) for seed in range(20)}) == 20
    assert len({render_photo(beauty, category, 4) for beauty in (0.1, 0.3, 0.5, 0.7, 0.9)}) == 5
    other = CATEGORIES[(CATEGORIES.index(category) + 1) % len(CATEGORIES)]
    assert render_photo(0.5, category, 4) != render_photo(0.5, other, 4)


def test_render_photo_keeps_the_scene_when_only_beauty_changes() -> None:
    """A counterfactual world's photo is the same scene: nearer to its twin than to a stranger."""

    def blurred(beauty: float, seed: int) -> Array:
        pixels = cv2.resize(decoded(render_photo(beauty, "scenery", seed)), (16, 16), interpolation=cv2.INTER_AREA)
        return pixels.astype(np.float32)

    twin = [float(np.abs(blurred(0.6, s) - blurred(0.64, s)).mean()) for s in range(30)]
    stranger = [float(np.abs(blurred(0.6, s) - blurred(0.6, s + 1000)).mean()) for s in range(30)]
    assert np.mean(twin) < 0.25 * np.mean(stranger)
    for seed in range(10):
        assert decoded(render_photo(0.1, "person", seed)).shape == decoded(render_photo(0.9, "person", seed)).shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.2, "scenery", 1, 128), r"latent_beauty must be in \[0, 1\], got 1\.2"),
        ((float("nan"), "scenery", 1, 128), r"latent_beauty must be in \[0, 1\], got nan"),
        ((0.5, "selfie", 1, 128), r"category must be one of scenery, .*abstract, got 'selfie'"),
        ((0.5, "scenery", -1, 128), r"seed must not be negative, got -1"),
        ((0.5, "scenery", 1, 8), r"size must be at least 32 px, got 8"),
    ],
)
def test_render_photo_rejects_arguments_out_of_range(arguments: tuple[float, str, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_photo(*arguments)


def global_statistics(photo: bytes) -> dict[str, float]:
    """What a lazy model would read off a whole photo, one number each."""
    pixels = decoded(photo)
    height, width = pixels.shape[:2]
    unit = pixels.astype(np.float32) / 255
    blue, green, red = cv2.split(unit)
    grey8 = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    grey = grey8.astype(np.float32) / 255
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)
    gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    shares = np.bincount(grey8.ravel(), minlength=256) / grey8.size
    hues = np.bincount(hue[(saturation > 51) & (value > 38)] // 9, minlength=20)
    opponent = (red - green, 0.5 * (red + green) - blue)
    return {
        "file_size": float(len(photo)),
        "bytes_per_pixel": len(photo) / (height * width),
        "aspect": width / height,
        "brightness": float(grey.mean()),
        "distance_from_mid_grey": float(abs(grey.mean() - 0.5)),
        "rms_contrast": float(grey.std()),
        "clipped": float(((unit.min(axis=2) > 0.99) | (unit.max(axis=2) < 0.02)).mean()),
        "entropy": float(-(shares[shares > 0] * np.log2(shares[shares > 0])).sum()),
        "saturation": float(saturation.mean()),
        "colourfulness": float(
            np.hypot(opponent[0].std(), opponent[1].std()) + 0.3 * np.hypot(opponent[0].mean(), opponent[1].mean())
        ),
        "cast": float(abs((green - 0.5 * (red + blue)).mean())),
        "warmth": float((red - blue).mean()),
        "hue_count": float((hues > 0.05 * hues.max()).sum()) if hues.max() else 0.0,
        "edge_density": float((cv2.Canny(grey8, 80, 160) > 0).mean()),
        "gradient": float(gradient.mean()),
        "centre_of_gradient": float(
            gradient[height // 4 : -height // 4, width // 4 : -width // 4].mean() / gradient.mean()
        ),
        "laplacian_variance": float(laplacian.var()),
        "noise": float(np.median(np.abs(laplacian))),
        "asymmetry": float(np.abs(grey - grey[:, ::-1]).mean()),
    }


def test_render_photo_hides_beauty_from_every_global_statistic(album: tuple[NDArray[np.float64], list[bytes]]) -> None:
    beauty, photos = album
    rows = [global_statistics(photo) for photo in photos]
    correlations = {name: float(spearmanr([row[name] for row in rows], beauty).statistic) for name in rows[0]}
    assert len(correlations) == 19
    assert all(np.isfinite(rho) for rho in correlations.values()), correlations
    assert max(abs(rho) for rho in correlations.values()) < 0.5, correlations


def patch_features(photos: list[bytes], patches: int = 120, side: int = 5) -> Array:
    """Soft counts of small colour patterns in the four quarters of each photo.

    Unsupervised local features of Coates, Lee and Ng (2011), An Analysis of Single-Layer Networks in Unsupervised
    Feature Learning: whitened patches, random exemplars as dictionary, thresholded responses, pooled.
    """
    small = [cv2.resize(decoded(p), (32, 32), interpolation=cv2.INTER_AREA) for p in photos]
    pixels = np.stack(small).astype(np.float32) / 255
    windows = sliding_window_view(pixels, (side, side), axis=(1, 2))[:, ::2, ::2]
    count, rows, columns = windows.shape[:3]
    sample = windows[:600, ::3, ::3].reshape(-1, 3 * side * side)
    mean = sample.mean(axis=0)
    power, axes = np.linalg.eigh(np.cov((sample - mean).T))
    whiten = (axes / np.sqrt(power + 0.003)).astype(np.float32)
    exemplars = np.random.default_rng(0).permutation((sample - mean) @ whiten)[:patches]
    exemplars /= np.linalg.norm(exemplars, axis=1, keepdims=True)
    pooled = np.empty((count, 4 * patches), np.float32)
    for first in range(0, count, 250):
        block = windows[first : first + 250].reshape(-1, rows, columns, 3 * side * side)
        answer = np.maximum(0.0, ((block - mean) @ whiten) @ exemplars.T - 0.5)
        quarters = [a for half in np.split(answer, 2, axis=1) for a in np.split(half, 2, axis=2)]
        pooled[first : first + 250] = np.concatenate([q.mean(axis=(1, 2)) for q in quarters], axis=1)
    return np.sqrt(pooled)


def test_render_photo_tells_beauty_to_a_model_of_pixels(album: tuple[NDArray[np.float64], list[bytes]]) -> None:
    """A linear model of small local patterns, 950 photos to learn from; a network with more reaches more."""
    beauty, photos = album
    features = patch_features(photos)
    features = (features - features[:TRAINED].mean(axis=0)) / (features[:TRAINED].std(axis=0) + 1e-6)
    known = features[:TRAINED]
    weights = np.linalg.solve(
        known.T @ known + 1000.0 * np.eye(known.shape[1]), known.T @ (beauty[:TRAINED] - beauty[:TRAINED].mean())
    )
    rho = float(spearmanr(features[TRAINED:] @ weights, beauty[TRAINED:]).statistic)
    assert rho > 0.6
