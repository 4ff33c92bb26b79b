import pytest
import torch
from safetensors.torch import save

from models.backbones import ImageTower
from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.transfer import copy_backbone, last_layer
from models.weights import ModelConfig, WeightsError, dump_weights


def network_of(head: str, seed: int, **parameters):
    torch.manual_seed(seed)
    config = ModelConfig("alexnet_small", head, Preprocessing(input_size=32), parameters)
    return config.create_network(), config


def test_copy_backbone_takes_all_but_the_last_layer():
    ours, _ = network_of("classifier", 0)
    theirs, config = network_of("objects_7", 1)
    last = {name: tensor.clone() for name, tensor in ours.fc8.state_dict().items()}
    copy_backbone(ours, dump_weights(theirs, config))
    copied = [name for name in ours.state_dict() if not name.startswith("fc8.")]
    assert len(copied) > 20
    assert all(torch.equal(ours.state_dict()[name], theirs.state_dict()[name]) for name in copied)
    assert all(torch.equal(ours.fc8.state_dict()[name], last[name]) for name in last)


def test_copy_backbone_names_layers_of_another_shape():
    ours, _ = network_of("classifier", 0)
    with pytest.raises(
        WeightsError, match=r"of another shape: features.0.0.weight is \(48, 3, 5, 5\), not \(24, 3, 5, 5\)"
    ):
        copy_backbone(ours, dump_weights(*network_of("classifier", 1, width=2.0)))


def test_copy_backbone_names_layers_that_are_missing_and_left_over():
    ours, _ = network_of("classifier", 0)
    entry = model_entry("alexnet_reference")
    config = ModelConfig("alexnet_reference", "classifier", entry.preprocessing.resized(67), {"width": 0.05})
    with pytest.raises(
        WeightsError,
        match=r"missing: features.0.0.weight.* and \d+ more; left over: fc6.bias, fc6.weight, features.0.bias",
    ):
        copy_backbone(ours, dump_weights(config.create_network(), config))


def test_copy_backbone_fills_a_tower_from_a_published_checkpoint_or_from_ours():
    entry = model_entry("vit_b16")
    config = ModelConfig("vit_b16", "classifier", entry.preprocessing.resized(32), entry.trial)
    published = ImageTower("vit", 32, entry.trial["tower"])
    ours = config.create_network()
    copy_backbone(ours, save(dict(published.network.state_dict())))
    pixels = torch.ones(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval().tower(pixels), published.eval()(pixels))
    again = config.create_network()
    copy_backbone(again, dump_weights(ours, config))
    assert torch.equal(again.tower.network.embeddings.cls_token, ours.tower.network.embeddings.cls_token)


def test_copy_backbone_says_what_a_published_checkpoint_lacks():
    entry = model_entry("vit_b16")
    ours = ModelConfig("vit_b16", "classifier", entry.preprocessing.resized(32), entry.trial).create_network()
    with pytest.raises(WeightsError, match="does not fit ViTModel: missing .*cls_token"):
        copy_backbone(ours, save({"other": torch.zeros(1)}))


def test_last_layer_says_that_there_is_none():
    with pytest.raises(WeightsError, match="Sequential has no layer fc8 that could be replaced"):
        last_layer(torch.nn.Sequential())
