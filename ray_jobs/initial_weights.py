"""Weights that fine-tuning starts from: an object model of the lake, or what ``beautyflow models pull`` brought."""

import hashlib
from pathlib import Path
from typing import Any

from assets.contracts.lake import Lake
from assets.contracts.objects import OBJECT_MODELS
from assets.contracts.settings import Settings
from ray_jobs.model_store import read_weights


def read_initial(lake: Lake, name: str) -> bytes | None:
    """The weights of that name; None where the name is empty.

    Args:
        lake: Where object models are.
        name: Version in ``object_model``, or file in ``checkpoints/`` of the community.

    Raises:
        ValueError: There are no such weights; the message says which there are.
        LakeError: The object model's weights are gone, or were changed.
    """
    if not name:
        return None
    row, file = _find(lake, name)
    return read_weights(lake, row) if row is not None else file.read_bytes()


def initial_sha256(lake: Lake, name: str) -> str:
    """Hash of the weights of that name; empty where the name is empty.

    Raises:
        ValueError: There are no such weights; the message says which there are.
    """
    if not name:
        return ""
    row, file = _find(lake, name)
    return str(row["weights_sha256"]) if row is not None else hashlib.sha256(file.read_bytes()).hexdigest()


def _find(lake: Lake, name: str) -> tuple[dict[str, Any] | None, Path]:
    models = {row["model_version"]: row for row in lake.read(OBJECT_MODELS).to_pylist()}
    folder = Settings.from_environment().checkpoints
    files = sorted(file.name for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))
    if name not in models and name not in files:
        raise ValueError(
            f"no weights {name!r} to start from; object_model has {sorted(models) or 'none'}, "
            f"{folder} has {files or 'none'}"
        )
    return models.get(name), folder / name
