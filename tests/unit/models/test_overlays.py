import io

import numpy as np
import pytest
from PIL import Image

from models.overlays import GAP, LEGEND, LONGER_SIDE, beauty_per_cell, overlay_png, shown_size, spread
from models.preprocessing import Preprocessing

SQUEEZE = Preprocessing(input_size=32)
CROP = Preprocessing(input_size=32, fit="crop", shorter_side=64)


def pixels_of(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


@pytest.mark.parametrize("shape", [(40, 40, 3), (40, 80, 3), (900, 600, 3)])
def test_overlay_is_a_png_of_the_photo_and_its_saliency_side_by_side(shape):
    picture = pixels_of(overlay_png(np.full(shape, 120, np.uint8), np.zeros((32, 32)), SQUEEZE))
    height, width = shown_size(*shape[:2])
    assert max(height, width) == LONGER_SIDE
    assert picture.shape == (height + LEGEND, 2 * width + GAP, 3)
    assert (picture[:height, :width] == 120).all()


def test_overlay_is_orange_where_beauty_is_raised_and_blue_where_it_is_lowered():
    values = np.zeros((32, 32))
    values[:16, :16], values[16:, 16:] = 0.05, -0.05
    picture = pixels_of(overlay_png(np.full((64, 64, 3), 120, np.uint8), values, SQUEEZE)).astype(int)
    saliency = picture[:LONGER_SIDE, LONGER_SIDE + GAP :]
    red, blue = saliency[..., 0], saliency[..., 2]
    assert red[80, 80] - blue[80, 80] > 100
    assert blue[240, 240] - red[240, 240] > 100
    assert red[80, 240] == blue[80, 240]


def test_overlay_of_next_to_nothing_has_next_to_no_colour():
    """Rounding must not look like a finding."""
    picture = pixels_of(overlay_png(np.full((64, 64, 3), 120, np.uint8), np.full((32, 32), 1e-7), SQUEEZE)).astype(int)
    saliency = picture[:LONGER_SIDE, LONGER_SIDE + GAP :]
    assert np.abs(saliency[..., 0] - saliency[..., 2]).max() < 3


def test_beauty_per_cell_of_integrated_gradients_adds_up_to_their_sum():
    found = np.zeros((32, 32))
    found[16, 16] = 0.3
    cells = beauty_per_cell(found, "integrated_gradients")
    assert cells.mean() * 64 == pytest.approx(0.3, rel=1e-3)
    np.testing.assert_allclose(beauty_per_cell(np.full((32, 32), 0.1), "occlusion"), 0.1, rtol=1e-5)


def test_spread_covers_what_the_network_saw_and_nothing_else():
    ones = np.ones((32, 32))
    assert (spread(ones, SQUEEZE, 100, 200) == 1).all()
    whole = spread(ones, CROP, 100, 200)
    assert whole.sum() == 50 * 50
    assert (whole[25:75, 75:125] == 1).all()
