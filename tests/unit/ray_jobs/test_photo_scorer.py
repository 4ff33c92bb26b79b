"""The same score to 1e-4, however photos are cut into batches and parts, ordered and shared among workers."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from assets.contracts.table import UTC_TIMESTAMP
from models.preprocessing import Preprocessing
from models.scorer import ScorerConfig
from models.weights import ModelConfig, dump_weights
from ray_jobs.photo_scorer import PhotoScorer

COUNT = 60


@pytest.fixture
def photos(media) -> pa.Table:
    """Photos of noise on different grounds, some wide, some high."""
    draw = np.random.default_rng(0)
    for photo in range(COUNT):
        shape = (30 + photo % 7, 40, 3) if photo % 2 else (40, 30 + photo % 7, 3)
        pixels = draw.integers(0, 120, shape) + draw.integers(0, 130, (1, 1, 3))
        buffer = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).resize((120, 90)).save(buffer, "JPEG")
        (media / f"{photo}.jpg").write_bytes(buffer.getvalue())
    columns = {
        "photo_id": list(range(COUNT)),
        "uploaded_at": pa.nulls(COUNT, UTC_TIMESTAMP),
        "uri": [f"{photo}.jpg" for photo in range(COUNT)],
    }
    return pa.table(columns)


@pytest.fixture
def weights() -> bytes:
    """An untrained network whose last layer is steep, so that scores differ from photo to photo."""
    torch.manual_seed(0)
    config = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=64))
    network = config.create_network()
    with torch.no_grad():
        network.fc8.weight.mul_(40)
    return dump_weights(network, config)


def by_photo(*parts: pa.Table) -> np.ndarray:
    """Beauty in the order of photo ids."""
    table = pa.concat_tables(parts).sort_by("photo_id")
    assert table["photo_id"].to_pylist() == list(range(COUNT))
    return table["beauty"].to_numpy()


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_photo_scorer_gives_the_same_whatever_batch_order_and_workers(media, weights, photos, engine):
    def scorer(batch_size: int, decoders: int, threads: int = 1) -> PhotoScorer:
        return PhotoScorer(weights, str(media), ScorerConfig(engine=engine, threads=threads), batch_size, decoders)

    reference = by_photo(scorer(COUNT, 1)(photos))
    assert reference.std() > 0.01, "photos that all score alike would prove nothing"
    shuffled = photos.take(np.random.default_rng(1).permutation(COUNT))
    ways = {
        "one by one": by_photo(scorer(1, 1)(photos)),
        "small batches, many decoders": by_photo(scorer(7, 4)(photos)),
        "another order": by_photo(scorer(16, 2)(shuffled)),
        "threads in the network": by_photo(scorer(16, 2, threads=2)(photos)),
    }
    shared = scorer(8, 2)
    with ThreadPoolExecutor(3) as workers:
        parts = [shuffled.slice(start, 13) for start in range(0, COUNT, 13)]
        ways["three workers, parts of thirteen"] = by_photo(*workers.map(shared, parts))
    differences = {name: float(np.abs(beauty - reference).max()) for name, beauty in ways.items()}
    assert max(differences.values()) < 1e-4, differences
