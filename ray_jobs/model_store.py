"""Trained models in the lake: one row of ``beauty_model`` and one weights object each."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from assets.contracts.beauty import BEAUTY_MODELS, beats_a_coin, held_out_accuracy
from assets.contracts.lake import Lake, LakeError
from assets.contracts.table import UNDATED

WEIGHTS_FOLDER = "beauty_model/weights"

_FIRST = 1
"""Place of the first model; those below it do not score while any other is there."""


def model_rows(lake: Lake) -> list[dict[str, Any]]:
    """All rows of ``beauty_model``, oldest first."""
    rows: list[dict[str, Any]] = lake.read(BEAUTY_MODELS).to_pylist()
    return sorted(rows, key=lambda row: row["sequence"])


def find_model(lake: Lake, model_version: str) -> dict[str, Any]:
    """The row of one model, or of the newest where ``model_version`` is empty.

    Raises:
        LakeError: There is no such model.
    """
    rows = model_rows(lake)
    chosen = [row for row in rows if row["model_version"] == model_version] if model_version else rows[-1:]
    if not chosen:
        known = [row["model_version"] for row in rows]
        raise LakeError(f"no model {model_version or '(newest)'} in beauty_model of {lake.uri}; there are {known}")
    return chosen[0]


def read_weights(lake: Lake, row: dict[str, Any]) -> bytes:
    """The weights of a model, their sha256 checked.

    Raises:
        LakeError: The object is gone, or was changed.
    """
    content = lake.get_bytes(row["weights_uri"])
    if content is None:
        raise LakeError(f"{row['weights_uri']} is gone from {lake.uri}; train the model again")
    digest = hashlib.sha256(content).hexdigest()
    if digest != row["weights_sha256"]:
        raise LakeError(f"{row['weights_uri']} has sha256 {digest}, recorded {row['weights_sha256']}")
    return content


def weights_name(model_version: str) -> str:
    """Object of the lake that holds the weights of a model."""
    return f"{WEIGHTS_FOLDER}/{model_version}.safetensors"


def add_model(
    lake: Lake, row: dict[str, Any], *, code_version: str, inputs: dict[str, str], scores: bool = True
) -> dict[str, Any]:
    """Add a row, keeping older rows; a model that is there already moves to its new place.

    Its place is in front: it scores from now on. One that was found to be no better than a coin goes behind all others
    if any of those that may score is better, so that what is published does not get worse.

    Args:
        lake: Where to.
        row: Columns of ``beauty_model`` but ``sequence``.
        code_version: Code that trained it.
        inputs: What it was trained on.
        scores: Whether it may score; one that is only compared goes behind all others.
    """
    others = [r for r in model_rows(lake) if r["model_version"] != row["model_version"]]
    places = [r["sequence"] for r in others]
    is_behind = not scores or is_held_back(row, others)
    place = min([_FIRST, *places]) - 1 if is_behind else max([_FIRST - 1, *places]) + 1
    full = {**row, "sequence": place}
    table = pa.Table.from_pylist([*others, full], schema=BEAUTY_MODELS.schema)
    lake.write(BEAUTY_MODELS, UNDATED, table, code_version=code_version, inputs=inputs)
    return full


def is_held_back(row: dict[str, Any], others: Iterable[dict[str, Any]]) -> bool:
    """Whether a model tells low from high no better than a coin, on unseen users, and one that may score does."""
    return not _beats_a_coin(row) and any(
        _beats_a_coin(other)
        for other in others
        if other["model_version"] != row["model_version"] and other["sequence"] >= _FIRST
    )


def _beats_a_coin(row: dict[str, Any]) -> bool:
    """True also where there were too few photos to tell."""
    accuracy = held_out_accuracy(json.loads(row["metrics"]))
    return accuracy is None or accuracy["lower"] is None or beats_a_coin(accuracy)
