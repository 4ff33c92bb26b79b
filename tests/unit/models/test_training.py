from dataclasses import replace

import numpy as np
import pytest
import torch

from models import training
from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.training import (
    ALONE,
    EpochMetrics,
    Placement,
    TrainingData,
    TrainingSettings,
    predict_beauty,
    train_network,
)
from models.training_state import FileStateStore
from models.weights import ModelConfig, WeightsError, dump_weights

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


class Interrupted(Exception):
    """Stands for a machine that goes away."""


def trained_bytes(
    settings: TrainingSettings, states: FileStateStore | None = None, stop_after: int = 0, **options
) -> bytes:
    def report(metrics: EpochMetrics) -> None:
        if metrics.epoch == stop_after:
            raise Interrupted

    data = bright_and_dark(33, 0)
    network, _ = train_network(SMALL, settings, data, bright_and_dark(8, 1), report, states=states, **options)
    return dump_weights(network, SMALL)


@pytest.mark.parametrize("stop_after", [1, 3])
def test_train_network_resumed_gives_the_bytes_of_an_uninterrupted_run(tmp_path, stop_after):
    settings = TrainingSettings(epochs=4, batch_size=8, threads=1, seed=5)
    states = FileStateStore(tmp_path / "state")
    with pytest.raises(Interrupted):
        trained_bytes(settings, states, stop_after)
    torch.manual_seed(99)  # another process has other random numbers
    assert trained_bytes(settings, states) == trained_bytes(settings)


def test_train_network_resumed_reports_the_whole_curve(tmp_path):
    states = FileStateStore(tmp_path / "state")
    settings = TrainingSettings(epochs=3, batch_size=8, threads=1)
    data, reported = bright_and_dark(17, 0), []
    _, curve = train_network(SMALL, settings, data, data, states=states)
    _, again = train_network(SMALL, settings, data, data, reported.append, states=states)
    assert again == curve == reported
    assert [point.epoch for point in again] == [1, 2, 3]


def test_train_network_resumed_does_not_train_again(tmp_path, monkeypatch):
    states = FileStateStore(tmp_path / "state")
    settings = TrainingSettings(epochs=2, batch_size=8, threads=1)
    first = trained_bytes(settings, states)
    monkeypatch.setattr(TrainingData, "batch", None)
    assert trained_bytes(settings, states) == first


@pytest.mark.parametrize("change", [{"seed": 1}, {"learning_rate": 1e-2}, {"epochs": 5}])
def test_train_network_refuses_the_state_of_other_settings(tmp_path, change):
    states = FileStateStore(tmp_path / "state")
    settings = TrainingSettings(epochs=1, batch_size=8, threads=1)
    trained_bytes(settings, states)
    with pytest.raises(ValueError, match="belongs to another run"):
        trained_bytes(replace(settings, **change), states)


def test_train_network_refuses_the_state_of_other_photos(tmp_path):
    states = FileStateStore(tmp_path / "state")
    settings = TrainingSettings(epochs=1, batch_size=8, threads=1)
    trained_bytes(settings, states)
    with pytest.raises(ValueError, match="belongs to another run: other photos"):
        train_network(SMALL, settings, bright_and_dark(33, 2), bright_and_dark(8, 1), states=states)


def test_train_network_starts_from_initial_weights_but_not_with_their_last_layer():
    torch.manual_seed(7)
    before = ModelConfig("alexnet_small", "objects_9", Preprocessing(input_size=32))
    source = before.create_network()
    settings = TrainingSettings(epochs=1, batch_size=8, threads=1, backbone_rate=0)
    data = bright_and_dark(16, 0)
    network, _ = train_network(SMALL, settings, data, data, initial=dump_weights(source, before))
    ours, theirs = network.state_dict(), source.state_dict()
    # With a rate of 0 only the last layer learns; running statistics of batch normalisation go on.
    kept = [name for name in ours if not name.startswith("fc8") and "running" not in name and "batches" not in name]
    assert kept
    assert all(torch.equal(ours[name], theirs[name]) for name in kept)
    assert ours["fc8.weight"].shape == (3, 192)


def test_train_network_moves_the_backbone_at_its_own_rate():
    torch.manual_seed(7)
    source = SMALL.create_network()
    data = bright_and_dark(16, 0)

    def moved(rate: float) -> float:
        settings = TrainingSettings(epochs=1, batch_size=16, threads=1, backbone_rate=rate, weight_decay=0)
        network, _ = train_network(SMALL, settings, data, data, initial=dump_weights(source, SMALL))
        return float((network.features[0][0].weight - source.features[0][0].weight).abs().mean().detach())

    assert moved(0.1) == pytest.approx(0.1 * moved(1), rel=0.05)
    assert moved(0.1) > 0


def test_train_network_fits_no_closed_form_from_initial_weights():
    config = ModelConfig("handcrafted", "regressor", model_entry("handcrafted").preprocessing)
    data = TrainingData(np.ones((4, *config.preprocessing.shape), np.float32), np.ones(4, np.float32))
    with pytest.raises(WeightsError, match="handcrafted is fitted in closed form and starts from no weights"):
        train_network(config, SETTINGS, data, data, initial=b"")


def test_training_settings_refuse_a_negative_rate():
    with pytest.raises(ValueError, match="backbone_rate is -1"):
        TrainingSettings(backbone_rate=-1)


def test_placement_counts_workers_from_zero():
    with pytest.raises(ValueError, match="rank is 2 of 2 workers"):
        Placement(rank=2, workers=2)


@pytest.mark.parametrize("photos", [32, 36, 37, 33])
def test_batches_of_two_workers_are_those_of_one_dealt_in_turn(photos):
    """33 leaves one photo over, which is too little for one worker and for two."""
    data, settings = bright_and_dark(photos, 0), TrainingSettings(batch_size=16)

    def batches(placement: Placement) -> list[torch.Tensor]:
        generator = np.random.default_rng(3)
        return [inputs for inputs, _ in training._batches(data, SMALL, settings, generator, placement)]

    alone, first, second = batches(ALONE), batches(Placement(0, 2)), batches(Placement(1, 2))
    assert len(alone) == len(first) == len(second) == (2 if photos in (32, 33) else 3)
    for whole, even, odd in zip(alone, first, second, strict=True):
        assert torch.equal(whole[::2], even)
        assert torch.equal(whole[1::2], odd)


def test_batches_leave_out_a_rest_that_does_not_serve_every_worker():
    data, settings = bright_and_dark(35, 0), TrainingSettings(batch_size=16)
    both = [list(training._batches(data, SMALL, settings, np.random.default_rng(3), Placement(r, 2))) for r in (0, 1)]
    assert [len(batches) for batches in both] == [2, 2]


def test_train_network_trains_what_wrap_gives_and_only_the_first_worker_tells():
    calls: list[int] = []

    class Counting(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, pixels):
            calls.append(len(pixels))
            return self.network(pixels)

    settings, data, reported = TrainingSettings(epochs=2, batch_size=16, threads=1), bright_and_dark(32, 0), []
    _, curve = train_network(SMALL, settings, data, data, reported.append, placement=Placement(1, 2, Counting))
    assert calls == [8, 8, 8, 8]
    assert reported == []
    assert [point.validation_spearman for point in curve] == [None, None]
