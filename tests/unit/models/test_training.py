import numpy as np
import pytest

from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.training import TrainingData, TrainingSettings, predict_beauty, train_network
from models.weights import ModelConfig, dump_weights

SMALL = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=32))
SETTINGS = TrainingSettings(epochs=6, batch_size=8, learning_rate=3e-3, threads=1)


def bright_and_dark(photos: int, seed: int) -> TrainingData:
    rng = np.random.default_rng(seed)
    targets = rng.choice([0.0, 0.5, 1.0], photos).astype(np.float32)
    noise = rng.integers(0, 60, (photos, 32, 32, 3))
    return TrainingData((noise + 180 * targets[:, None, None, None]).astype(np.uint8), targets)


@pytest.mark.parametrize("head", ["classifier", "regressor"])
def test_train_network_learns_what_is_easy(head):
    config = ModelConfig("alexnet_small", head, Preprocessing(input_size=32))
    network, curve = train_network(config, SETTINGS, bright_and_dark(64, 0), bright_and_dark(24, 1))
    assert curve[-1].validation_spearman > 0.9
    assert [point.epoch for point in curve] == [1, 2, 3, 4, 5, 6]
    assert curve[-1].loss < curve[0].loss
    assert not network.training


def test_train_network_repeats_to_the_byte_and_depends_on_the_seed():
    def weights(seed: int) -> bytes:
        settings = TrainingSettings(epochs=1, batch_size=8, threads=1, seed=seed)
        data = bright_and_dark(17, 0)
        return dump_weights(train_network(SMALL, settings, data, data)[0], SMALL)

    assert weights(0) == weights(0)
    assert weights(0) != weights(1)


def test_train_network_leaves_its_photos_as_they_were():
    data = bright_and_dark(16, 0)
    before = data.inputs.copy()
    train_network(SMALL, TrainingSettings(epochs=1, batch_size=8, threads=1), data, data)
    np.testing.assert_array_equal(data.inputs, before)


def test_train_network_needs_two_photos():
    with pytest.raises(ValueError, match="at least two photos, there are 1"):
        train_network(SMALL, SETTINGS, bright_and_dark(1, 0), bright_and_dark(1, 0))


def test_train_network_without_validation_photos_has_no_curve_of_them():
    _, curve = train_network(
        SMALL, TrainingSettings(epochs=1, batch_size=8), bright_and_dark(9, 0), bright_and_dark(0, 0)
    )
    assert curve[0].validation_spearman is None


@pytest.mark.parametrize("head", ["classifier", "regressor"])
def test_train_network_fits_the_handcrafted_model(head):
    config = ModelConfig("handcrafted", head, model_entry("handcrafted").preprocessing)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, *config.preprocessing.shape)).astype(np.float32)
    # One term that rises and one with its best value in the middle.
    truth = features[:, 0] - 0.7 * features[:, 3] ** 2
    targets = (truth.argsort().argsort() / 199).astype(np.float32)
    network, curve = train_network(
        config, SETTINGS, TrainingData(features[:150], targets[:150]), TrainingData(features[150:], targets[150:])
    )
    assert curve[0].validation_spearman > 0.8
    beauty = predict_beauty(network, config, features[150:])
    assert ((beauty >= 0) & (beauty <= 1)).all()


def test_training_settings_refuse_nonsense():
    with pytest.raises(ValueError, match="epochs is 0"):
        TrainingSettings(epochs=0)
