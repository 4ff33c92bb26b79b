import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.labelled_images import DecodedOnDemand, LabelledImages, open_folder
from models.object_pretraining import object_accuracy, object_config, pretrain_network
from models.training import EpochMetrics, TrainingData, TrainingSettings, train_network
from models.training_state import FileStateStore
from models.weights import ModelConfig, WeightsError, dump_weights, load_weights

SETTINGS = TrainingSettings(epochs=5, batch_size=8, learning_rate=3e-3, threads=1)
CONFIG = object_config("alexnet_small", 3, input_size=32)


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> LabelledImages:
    """Discs, bars and crosses in noise."""
    return open_folder(write_objects(tmp_path_factory.mktemp("objects"), 24))


def write_objects(root: Path, each: int) -> Path:
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40] - 20
    masks = {
        "bar": np.abs(rows) < 4,
        "cross": (np.abs(rows) < 4) | (np.abs(columns) < 4),
        "disc": np.hypot(rows, columns) < 10,
    }
    for name, mask in masks.items():
        (root / name).mkdir()
        for number in range(each):
            pixels = (
                generator.integers(0, 120, (40, 40, 3)) + 130 * np.roll(mask, generator.integers(-5, 6), 0)[..., None]
            )
            buffer = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
            (root / name / f"{number}.png").write_bytes(buffer.getvalue())
    return root


def decoded(images: LabelledImages) -> DecodedOnDemand:
    return DecodedOnDemand(images, CONFIG.preprocessing, threads=1)


def test_pretrain_network_learns_to_tell_shapes(objects):
    train, held_out = objects.split(0.25)
    network, curve = pretrain_network(CONFIG, SETTINGS, decoded(train), decoded(held_out))
    assert curve[-1].validation_accuracy >= 0.8
    assert curve[-1].loss < curve[0].loss
    assert curve[0].validation_spearman is None
    content = dump_weights(network, CONFIG)
    assert load_weights(content)[1].head == "objects_3"
    assert object_accuracy(load_weights(content)[0], CONFIG, decoded(held_out)) == curve[-1].validation_accuracy


def test_pretrain_network_repeats_and_resumes_to_the_byte(objects, tmp_path):
    class Interrupted(Exception):
        pass

    def trained(states: FileStateStore | None = None, stop_after: int = 0) -> bytes:
        def report(metrics: EpochMetrics) -> None:
            if metrics.epoch == stop_after:
                raise Interrupted

        settings = TrainingSettings(epochs=2, batch_size=16, threads=1)
        data = decoded(objects)
        return dump_weights(pretrain_network(CONFIG, settings, data, data, report, states=states)[0], CONFIG)

    whole = trained()
    assert trained() == whole
    states = FileStateStore(tmp_path / "state")
    with pytest.raises(Interrupted):
        trained(states, stop_after=1)
    assert trained(states) == whole


def test_pretrained_weights_are_where_fine_tuning_starts(objects):
    """Buckets that are the objects: the last layer learns them sooner on a pretrained network than on a random one."""
    pretrained, _ = pretrain_network(CONFIG, SETTINGS, decoded(objects), decoded(objects))
    inputs, labels, _ = decoded(objects).batch(np.arange(len(objects)))
    data = TrainingData(inputs, (labels / 2).astype(np.float32))
    config = ModelConfig("alexnet_small", "regressor", CONFIG.preprocessing)
    settings = TrainingSettings(epochs=2, batch_size=8, learning_rate=1e-2, threads=1, backbone_rate=0)

    def spearman(initial: bytes | None) -> float:
        return train_network(config, settings, data, data, initial=initial)[1][-1].validation_spearman

    assert spearman(dump_weights(pretrained, CONFIG)) > max(0.8, spearman(None) + 0.1)


def test_pretrain_network_counts_images_that_it_cannot_read(objects, tmp_path):
    root = write_objects(tmp_path, 6)
    (root / "disc" / "3.png").write_bytes(b"no image")
    data = decoded(open_folder(root))
    settings = TrainingSettings(epochs=1, batch_size=6, threads=1)
    _, curve = pretrain_network(CONFIG, settings, data, data)
    assert list(data.failures) == ["disc/3.png"]
    assert curve[0].validation_accuracy is not None


def test_pretrain_network_says_what_does_not_fit(objects):
    data = decoded(objects)
    with pytest.raises(ValueError, match="head objects_5 does not fit 3 classes of objects"):
        pretrain_network(object_config("alexnet_small", 5, 32), SETTINGS, data, data)
    with pytest.raises(ValueError, match="head classifier does not fit 3 classes"):
        pretrain_network(ModelConfig("alexnet_small", "classifier", CONFIG.preprocessing), SETTINGS, data, data)
    with pytest.raises(ValueError, match="at least two images, there are 1"):
        pretrain_network(CONFIG, SETTINGS, decoded(objects.take(np.array([0]))), data)
    with pytest.raises(ValueError, match="1 classes of objects; at least two"):
        object_config("alexnet_small", 1)
    other = object_config("alexnet_small", 3, 32, {"width": 2.0})
    weights = dump_weights(other.create_network(), other)
    with pytest.raises(WeightsError, match="initial weights are those of another network"):
        pretrain_network(CONFIG, SETTINGS, data, data, initial=weights)


def test_pretrain_network_fits_no_closed_form(objects):
    config = object_config("handcrafted", 3)
    data = DecodedOnDemand(objects, config.preprocessing)
    with pytest.raises(TypeError, match="handcrafted is fitted to beauty in one go and cannot learn objects"):
        pretrain_network(config, SETTINGS, data, data)
