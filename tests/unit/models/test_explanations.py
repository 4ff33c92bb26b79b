import numpy as np
import pytest
import torch

from models.explanations import METHODS, Faithfulness, beauty_function, blurred, deletion_insertion, saliency
from models.preprocessing import Preprocessing
from models.registry import create_model, model_entry
from models.weights import ModelConfig

SIZE = 32
CONFIG = ModelConfig("alexnet_small", "regressor", Preprocessing(input_size=SIZE))


class Corner(torch.nn.Module):
    """Beauty is the mean of the top left quarter, and nothing else: light raises, dark lowers it."""

    def forward(self, pixels):
        return pixels[:, :, : SIZE // 2, : SIZE // 2].mean(dim=(1, 2, 3))[:, None]


def photos(n: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (n, SIZE, SIZE, 3)).astype(np.uint8)


def black(n: int = 6) -> np.ndarray:
    return np.zeros((n, SIZE, SIZE, 3), np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_saliency_is_where_the_network_looks(method):
    found = saliency(Corner(), CONFIG, photos(), black(), method)
    assert found.shape == (6, SIZE, SIZE)
    corner = found[:, : SIZE // 2, : SIZE // 2]
    # Windows of occlusion that straddle the border spill over by less than their width.
    elsewhere = found[:, SIZE // 2 + SIZE // 8 :, :]
    assert (corner > 0).mean() > 0.95
    assert np.abs(elsewhere).max() == 0


def test_saliency_of_integrated_gradients_adds_up_to_the_difference_in_beauty():
    torch.manual_seed(0)
    network = CONFIG.create_network()
    found = saliency(network, CONFIG, photos(), blurred(photos()), steps=128)
    predict = beauty_function(network, CONFIG)
    difference = predict(photos()) - predict(blurred(photos()))
    assert np.abs(difference).max() > 0.01
    np.testing.assert_allclose(found.sum(axis=(1, 2)), difference, atol=0.05 * np.abs(difference).max())


def test_saliency_of_occlusion_is_the_loss_of_beauty_of_a_window():
    """One window as large as what matters: the loss is that of the whole corner."""

    class FirstPixel(torch.nn.Module):
        def forward(self, pixels):
            return pixels[:, :, 0, 0].mean(dim=1)[:, None]

    bright = np.full((1, SIZE, SIZE, 3), 255, np.uint8)
    found = saliency(FirstPixel(), CONFIG, bright, black(1), "occlusion")
    predict = beauty_function(FirstPixel(), CONFIG)
    assert found[0, 0, 0] == pytest.approx(float((predict(bright) - predict(black(1)))[0]), rel=1e-5)
    assert found[0, 8, 8] == 0


def test_saliency_sees_what_lies_outside_of_the_unit_interval():
    class FarAbove(Corner):
        def forward(self, pixels):
            return super().forward(pixels) + 50

    assert np.abs(saliency(FarAbove(), CONFIG, photos(1), black(1))).sum() > 0


def test_saliency_refuses_what_it_cannot_explain():
    with pytest.raises(ValueError, match="method is 'lime'; choose one of"):
        saliency(Corner(), CONFIG, photos(), black(), "lime")
    with pytest.raises(ValueError, match=r"photos are \(6, 32, 32, 3\) and replacement \(2, 32, 32, 3\)"):
        saliency(Corner(), CONFIG, photos(), black(2))
    handcrafted = ModelConfig("handcrafted", "regressor", model_entry("handcrafted").preprocessing)
    with pytest.raises(ValueError, match="handcrafted takes features, not pixels; models.attributes explains it"):
        saliency(create_model("handcrafted"), handcrafted, np.zeros((1, 34), np.float32), np.zeros((1, 34), np.float32))


def test_saliency_of_no_photos_is_empty():
    assert saliency(Corner(), CONFIG, photos(0), black(0)).shape == (0, SIZE, SIZE)
    assert blurred(photos(0)).shape == (0, SIZE, SIZE, 3)


def test_blurred_keeps_the_light_and_loses_the_detail():
    before, after = photos().astype(float), blurred(photos()).astype(float)
    assert after.std() < 0.15 * before.std()
    np.testing.assert_allclose(after.mean(axis=(1, 2)), before.mean(axis=(1, 2)), atol=8)


def measured(found: np.ndarray) -> Faithfulness:
    predict = beauty_function(Corner(), CONFIG)
    return deletion_insertion(predict, photos(), found, black(), cells=4, steps=8, random_orders=8)


def test_deletion_insertion_finds_a_true_saliency_faithful():
    result = measured(saliency(Corner(), CONFIG, photos(), black()))
    for estimate in result.summary().values():
        assert estimate.lower > 0.1
        assert estimate.n == 6
    assert (result.deletion < result.random_deletion.min(axis=1)).all()
    assert (result.insertion > result.random_insertion.max(axis=1)).all()


def test_deletion_insertion_finds_the_opposite_misleading_and_noise_neither():
    wrong = measured(-saliency(Corner(), CONFIG, photos(), black())).summary()
    assert wrong["deletion_gain"].upper < -0.1
    assert wrong["insertion_gain"].upper < -0.1
    noise = np.random.default_rng(1).normal(size=(6, SIZE, SIZE))
    neither = measured(noise).summary()
    assert neither["deletion_gain"].lower < 0 < neither["deletion_gain"].upper


def test_deletion_insertion_has_the_exact_area_of_a_known_path():
    """Two by two cells of white: the one that counts goes first, so beauty is 1 only at the start."""

    def predict(batch: np.ndarray) -> np.ndarray:
        return batch[:, 0, 0, 0] / 255

    white = np.full((1, 4, 4, 3), 255, np.uint8)
    found = np.zeros((1, 4, 4))
    found[0, 0, 0] = 1
    result = deletion_insertion(predict, white, found, np.zeros_like(white), cells=2, steps=4, random_orders=200)
    assert result.deletion[0] == pytest.approx(1 / 8)
    assert result.insertion[0] == pytest.approx(7 / 8)
    assert result.random_deletion.mean() == pytest.approx(0.5, abs=0.06)


def test_deletion_insertion_repeats():
    found = photos()[..., 0].astype(float)
    np.testing.assert_array_equal(measured(found).random_deletion, measured(found).random_deletion)


def test_deletion_insertion_refuses_cells_smaller_than_pixels():
    with pytest.raises(ValueError, match="cells is 33"):
        deletion_insertion(beauty_function(Corner(), CONFIG), photos(), black()[..., 0], black(), cells=33)
