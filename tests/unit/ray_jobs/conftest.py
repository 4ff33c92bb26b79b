"""A small lake with photos of flat colours and an untrained network, and a way to score without Ray."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from PIL import Image

from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from models.preprocessing import Preprocessing
from models.weights import ModelConfig, dump_weights, sha256_of
from ray_jobs.model_store import add_model, weights_name


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    return folder


@pytest.fixture
def add_photos(lake: Lake, media: Path) -> Callable[..., None]:
    """Photos with these ids replace the month; ids in ``broken`` have an empty file, those in ``bare`` no image."""

    def add(month: str, ids: list[int], broken: tuple[int, ...] = (), bare: tuple[int, ...] = ()) -> None:
        year, number = (int(part) for part in month.split("-"))
        for photo in ids:
            buffer = io.BytesIO()
            Image.new("RGB", (40, 40), (photo * 7 % 256, photo * 31 % 256, 90)).save(buffer, "JPEG")
            (media / f"{photo}.jpg").write_bytes(b"" if photo in broken else buffer.getvalue())
        columns = {
            "photo_id": ids,
            "user_id": [1] * len(ids),
            "uploaded_at": [datetime(year, number, 3, tzinfo=UTC)] * len(ids),
            "is_public": [True] * len(ids),
            "uri": ["" if photo in bare else f"{photo}.jpg" for photo in ids],
        }
        lake.write(PHOTOS, month, PHOTOS.conform(pa.table(columns)))

    return add


@pytest.fixture
def add_network(lake: Lake) -> Callable[..., dict[str, object]]:
    """An untrained network in ``beauty_model``; returns its row."""

    def add(seed: int = 0, input_size: int = 32) -> dict[str, object]:
        torch.manual_seed(seed)
        config = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=input_size))
        weights = dump_weights(config.create_network(), config)
        version = f"alexnet_small-{sha256_of(weights)[:12]}"
        lake.put_bytes(weights_name(version), weights)
        row = {
            "model_version": version,
            "preprocessing_hash": config.preprocessing.hash,
            "architecture": "alexnet_small",
            "head": "classifier",
            "weights_uri": weights_name(version),
            "weights_sha256": sha256_of(weights),
            "parameters": 1,
            "training_photos": 1,
            "metrics": "[]",
            "config": "{}",
        }
        return add_model(lake, row, code_version="test", inputs={})

    return add
