import numpy as np
import pytest

from models.handcrafted import FEATURE_NAMES, handcrafted_features


def features(pixels: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, handcrafted_features(pixels).tolist(), strict=True))


def flat(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((48, 64, 3), (red, green, blue), np.uint8)


def noise(spread: int = 255) -> np.ndarray:
    return np.random.default_rng(0).integers(0, spread, (48, 64, 3)).astype(np.uint8)


def test_handcrafted_features_of_a_flat_gray_photo_are_exact():
    found = features(flat(128, 128, 128))
    assert found["brightness"] == pytest.approx(128 / 255, abs=1e-3)
    for name in ("contrast", "saturation", "colourfulness", "hue_count", "asymmetry_left_right", "entropy"):
        assert found[name] == pytest.approx(0, abs=1e-3), name
    assert found["aspect"] == pytest.approx(np.log(64 / 48))


def test_handcrafted_features_of_pure_red():
    found = features(flat(255, 0, 0))
    assert found["saturation"] == pytest.approx(1)
    # Hasler and Süsstrunk: rg = 1, yb = 0.5, no spread.
    assert found["colourfulness"] == pytest.approx(0.3 * np.hypot(1, 0.5), abs=1e-4)
    assert found["hue_concentration"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("pixels", [flat(0, 0, 0), flat(255, 255, 255), noise()[:8, :8], noise()])
def test_handcrafted_features_are_always_finite(pixels):
    assert np.isfinite(handcrafted_features(pixels)).all()


def test_handcrafted_features_order_noise_and_sharpness():
    import cv2

    sharp, soft = features(noise()), features(cv2.GaussianBlur(noise(), (7, 7), 2))
    for name in ("sharpness", "noise", "edge_energy", "texture_fine", "high_frequencies"):
        assert sharp[name] > soft[name], name


def test_handcrafted_features_see_what_is_in_the_middle():
    pixels = flat(30, 30, 30)
    pixels[16:32, 22:42] = noise()[16:32, 22:42]
    found = features(pixels)
    assert found["low_depth_of_field"] > 0.8
    assert found["edge_box"] < 0.3
