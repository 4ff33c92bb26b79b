"""Scoring on a GPU: ``python -m pytest -m gpu``. The twins on the CPU are ``test_scorer.py`` and ``test_nvjpeg.py``."""

import numpy as np
import pytest
import torch

from models import nvjpeg
from models.preprocessing import Preprocessing
from models.scorer import TOLERANCE, Scorer, ScorerConfig
from models.weights import ModelConfig, dump_weights

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def weights(preprocessing):
    torch.manual_seed(0)
    config = ModelConfig("alexnet_small", "classifier", preprocessing)
    return dump_weights(config.create_network(), config)


@pytest.mark.parametrize("compiles", [False, True])
def test_scores_on_the_gpu_are_those_of_the_cpu(compiles):
    content = weights(Preprocessing(input_size=64))
    batch = np.random.default_rng(0).integers(0, 255, (33, 64, 64, 3)).astype(np.uint8)
    on_cpu = Scorer(content, ScorerConfig(engine="torch"))(batch)
    on_gpu = Scorer(content, ScorerConfig(device="cuda", compiles=compiles))(batch)
    assert np.abs(on_gpu.beauty - on_cpu.beauty).max() <= TOLERANCE


def test_nvjpeg_gives_the_pixels_of_the_cpu_within_a_few_levels():
    simplejpeg = pytest.importorskip("simplejpeg")
    generator = np.random.default_rng(0)
    smooth = np.kron(generator.integers(0, 255, (6, 8, 3)), np.ones((40, 40, 1))).astype(np.uint8)
    content = simplejpeg.encode_jpeg(smooth, quality=90)
    found = nvjpeg.one_square(content, 64)
    expected = Preprocessing(input_size=64, dct_scaling=False).prepare(content)
    assert np.abs(found.astype(int) - expected).mean() < 4


def test_scores_of_photos_decoded_on_the_gpu_do_not_depend_on_the_batch():
    simplejpeg = pytest.importorskip("simplejpeg")
    generator = np.random.default_rng(0)
    contents = [
        simplejpeg.encode_jpeg(generator.integers(0, 255, (96, 128, 3)).astype(np.uint8), quality=90) for _ in range(20)
    ]
    scorer = Scorer(weights(Preprocessing(input_size=64, decoder="nvjpeg")), ScorerConfig(device="cuda"))
    together = scorer(nvjpeg.squares(contents, 64, scorer.decode).pixels).beauty
    alone = [scorer(nvjpeg.squares([content], 64, scorer.decode).pixels).beauty[0] for content in contents]
    assert np.abs(together - np.array(alone)).max() <= TOLERANCE
