"""Golden scores: run ``python tests/unit/models/test_scorer.py`` to write ``tests/golden/scores.json`` anew."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.scorer import Scorer, ScorerConfig
from models.weights import ModelConfig, WeightsError, dump_weights

GOLDEN = Path(__file__).parents[2] / "golden" / "scores.json"
ARCHITECTURES = ("alexnet_quarter", "alexnet_small", "handcrafted")


def constant_weights(architecture: str) -> bytes:
    """Weights that do not come from torch's generator, so that golden scores outlive its versions."""
    config = ModelConfig(architecture, "classifier", model_entry(architecture).preprocessing)
    network = config.create_network()
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.dim() > 1:
                # Smaller in the last layer of the batch-normalised network, whose scores would all be near 0 or 1.
                last = 0.1 if (architecture, name) == ("alexnet_small", "fc8.weight") else 1.0
                spread = last * (24 / parameter[0].numel()) ** 0.5
                parameter.copy_(torch.from_numpy((generator.random(parameter.shape) - 0.5) * spread))
    return dump_weights(network, config)


def waves(preprocessing: Preprocessing, photos: int = 4) -> np.ndarray:
    shape = (photos, *preprocessing.shape)
    wave = np.sin(np.arange(np.prod(shape)) ** 1.2 * 0.013).reshape(shape)
    return (wave * (1 if preprocessing.features else 100) + (0 if preprocessing.features else 120)).astype(
        preprocessing.dtype
    )


def golden_scores(architecture: str) -> list[float]:
    scorer = Scorer(constant_weights(architecture), ScorerConfig(engine="torch"))
    return [round(float(b), 6) for b in scorer(waves(scorer.preprocessing)).beauty]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(constant_weights("alexnet_small"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scorer_gives_the_golden_scores(architecture):
    expected = json.loads(GOLDEN.read_text())[architecture]
    assert len(set(expected)) > 1
    np.testing.assert_allclose(golden_scores(architecture), expected, atol=1e-4)


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_scorer_does_not_depend_on_batch_size_or_order(engine):
    scorer = Scorer(constant_weights("alexnet_small"), ScorerConfig(engine=engine))
    generator = np.random.default_rng(0)
    batch = generator.integers(0, 120, (13, *scorer.preprocessing.shape)) + generator.integers(0, 130, (13, 1, 1, 3))
    batch = batch.astype(np.uint8)
    whole = scorer(batch).beauty
    one_by_one = np.concatenate([scorer(batch[i : i + 1]).beauty for i in range(13)])
    backwards = scorer(np.ascontiguousarray(batch[::-1])).beauty[::-1]
    assert whole.std() > 1e-4
    np.testing.assert_allclose(one_by_one, whole, atol=1e-4)
    np.testing.assert_allclose(backwards, whole, atol=1e-4)


def test_scorer_takes_an_empty_batch(scorer):
    scores = scorer(np.empty((0, *scorer.preprocessing.shape), np.uint8))
    assert scores.beauty.shape == (0,)
    assert scores.probabilities.shape == (0, 3)


def test_scorer_refuses_wrong_shapes_and_types(scorer):
    with pytest.raises(ValueError, match=r"batch is uint8 \(2, 5, 5, 3\); expected uint8"):
        scorer(np.zeros((2, 5, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="batch is float64"):
        scorer(np.zeros((2, *scorer.preprocessing.shape)))


def test_scorer_checks_the_hash_of_its_weights(tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(constant_weights("alexnet_small"))
    with pytest.raises(WeightsError, match="the file was changed"):
        Scorer(file, sha256="0" * 64)


def test_scorer_falls_back_to_torch_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    assert Scorer(constant_weights("handcrafted")).engine_name == "torch"


def test_scorer_config_refuses_what_cannot_run():
    with pytest.raises(ValueError, match="engine is 'tensorrt'"):
        ScorerConfig(engine="tensorrt")
    with pytest.raises(ValueError, match="runs on the CPU only"):
        ScorerConfig(engine="onnxruntime", device="cuda")


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: golden_scores(name) for name in ARCHITECTURES}, indent=1) + "\n")
