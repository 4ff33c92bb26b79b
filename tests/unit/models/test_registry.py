import numpy as np
import pytest
import torch

from models.registry import create_model, list_models, model_entry
from models.scorer import Scorer, ScorerConfig
from models.weights import ModelConfig, dump_weights


def trial_config(name: str, head: str) -> ModelConfig:
    """A small instance of any registered model."""
    entry = model_entry(name)
    return ModelConfig(name, head, entry.preprocessing.resized(entry.trial_input_size), entry.trial)


EVERY_MODEL_AND_HEAD = [(name, head) for name in list_models() for head in model_entry(name).heads]


def test_list_models_finds_every_family():
    assert {"alexnet_reference", "alexnet_small", "handcrafted"} <= set(list_models())


def test_create_model_names_the_models_there_are():
    with pytest.raises(KeyError, match=r"no model 'resnet'; there are .*alexnet_reference"):
        create_model("resnet")


@pytest.mark.parametrize(("outputs", "parameters"), [(21_841, 258_196_177), (3, 79_277_443)])
def test_create_model_reference_has_the_papers_number_of_parameters(outputs, parameters):
    with torch.device("meta"):
        network = create_model("alexnet_reference", outputs=outputs)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("name", list_models())
def test_every_model_has_the_parameters_that_it_states(name):
    with torch.device("meta"):
        network = create_model(name)
    entry = model_entry(name)
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    assert entry.licence
    assert entry.score_scale
    assert entry.description.endswith(".")


@pytest.mark.parametrize(("name", "head"), EVERY_MODEL_AND_HEAD)
def test_every_model_scores_alike_with_both_engines(name, head):
    torch.manual_seed(0)
    config = trial_config(name, head)
    preprocessing = config.preprocessing
    weights = dump_weights(config.create_network(), config)
    rng = np.random.default_rng(1)
    batch = (rng.random((5, *preprocessing.shape)) * 200).astype(preprocessing.dtype)

    by_torch = Scorer(weights, ScorerConfig(engine="torch"))(batch)
    by_onnx = Scorer(weights, ScorerConfig(engine="onnxruntime"))(batch)

    assert by_torch.beauty.shape == (5,)
    assert ((by_torch.beauty >= 0) & (by_torch.beauty <= 1)).all()
    np.testing.assert_allclose(by_onnx.beauty, by_torch.beauty, atol=1e-4)
    assert (by_torch.probabilities is None) == (head != "classifier")


def test_create_model_small_input_is_refused_with_the_limit():
    with pytest.raises(ValueError, match="input_size is 50; AlexNet needs at least 67"):
        create_model("alexnet_reference", outputs=3, input_size=50)
