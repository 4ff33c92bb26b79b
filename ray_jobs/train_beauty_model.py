"""Train a beauty network on ``training_set`` and add it to ``beauty_model``.

The same request on the same training set by the same code gives the model that is there already, without
importing Ray or torch. Where newer models have come since, it becomes the one that scores again.
What the worker does stands in ``beauty_trainer.py``.
"""

import hashlib
import json
from typing import Any

import pyarrow as pa

from assets.contracts.beauty import TRAINING_SET
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import TrainBeautyModel
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import add_model, is_held_back, model_rows, weights_name

CODE = (
    "models.alexnet",
    "models.backbones",
    "models.decoding",
    "models.foreign_weights",
    "models.handcrafted",
    "models.heads",
    "models.laion",
    "models.preprocessing",
    "models.training",
    "models.training_state",
    "models.transfer",
    "models.weights",
    "ray_jobs.beauty_trainer",
    "ray_jobs.prepared_photos",
    "ray_jobs.train_beauty_model",
)
"""Modules whose change makes another model."""


def run(request: TrainBeautyModel, report: Report = silent) -> dict[str, Any]:
    """Train, store the weights, add the row.

    Returns:
        The row of ``beauty_model`` with ``metrics`` decoded (list of name, value, n, lower, upper), ``curves``
        (name -> value per epoch), ``trained``: False if the model was there already, and ``scores_with``: version of
        the model that scores from now on, another one if this is no better than a coin.

    Raises:
        ValueError: The training set has no rows, or the request names an unknown network or head.
    """
    lake = Lake(request.lake_uri)
    code_version = code_version_of(*CODE)
    inputs = lake.fingerprints(TRAINING_SET.key)
    identity = json.dumps(
        {"request": _what_matters(request), "training_set": inputs, "code_version": code_version}, sort_keys=True
    )
    for row in model_rows(lake):
        if row["config"] == identity:
            report(f"{row['model_version']} was trained from this request already")
            return _result(lake, _scoring_again(lake, row, code_version, inputs), trained=False)
    rows = lake.read(TRAINING_SET, columns=["photo_id", "user_id", "uri", "bucket", "metric", "split"])
    if not rows.num_rows:
        raise ValueError(f"training_set of {lake.uri} has no rows; materialize it before training")
    report(f"training {request.architecture} on {rows.num_rows:,} labelled photos")
    trained = _train_on_ray(request, rows)
    weights = trained["weights"]
    digest = hashlib.sha256(weights).hexdigest()
    version = f"{request.architecture}-{digest[:12]}"
    lake.put_bytes(weights_name(version), weights)
    row = {
        "model_version": version,
        "preprocessing_hash": trained["preprocessing_hash"],
        "architecture": request.architecture,
        "head": request.head,
        "weights_uri": weights_name(version),
        "weights_sha256": digest,
        "parameters": trained["parameters"],
        "training_photos": trained["training_photos"],
        "metrics": json.dumps(trained["metrics"], sort_keys=True),
        "config": identity,
    }
    lake.put_bytes(_curves_name(version), json.dumps(trained["curves"], sort_keys=True).encode())
    full = add_model(lake, row, code_version=code_version, inputs=inputs)
    report(f"trained {version} on {trained['training_photos']:,} photos, {trained['unusable_photos']:,} unusable")
    return _result(lake, full, trained=True)


def _scoring_again(lake: Lake, row: dict[str, Any], code_version: str, inputs: dict[str, str]) -> dict[str, Any]:
    """The row in front: labels that went there and back must score with what they trained."""
    rows = model_rows(lake)
    if row == rows[-1] or is_held_back(row, rows):
        return row
    without_sequence = {name: value for name, value in row.items() if name != "sequence"}
    return add_model(lake, without_sequence, code_version=code_version, inputs=inputs)


def _curves_name(version: str) -> str:
    return f"beauty_model/curves/{version}.json"


def _result(lake: Lake, row: dict[str, Any], *, trained: bool) -> dict[str, Any]:
    curves = json.loads(lake.get_bytes(_curves_name(row["model_version"])) or b"{}")
    scores_with = model_rows(lake)[-1]["model_version"]
    return {
        **row,
        "metrics": json.loads(row["metrics"]),
        "curves": curves,
        "trained": trained,
        "scores_with": scores_with,
    }


def _train_on_ray(request: TrainBeautyModel, rows: pa.Table) -> dict[str, Any]:
    import ray

    from models.training import TrainingSettings
    from ray_jobs.beauty_trainer import BeautyTrainer, model_config
    from ray_jobs.cluster import ray_cluster, training_options, usable_cpus

    config = model_config(request)
    gpus = request.num_gpus_per_worker
    settings = TrainingSettings(
        epochs=request.epochs,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        seed=request.seed,
        threads=usable_cpus(),
        device="cuda" if gpus else "cpu",
    )
    with ray_cluster(gpus):
        trainer: Any = ray.remote(BeautyTrainer).options(**training_options(gpus), max_restarts=2, max_task_retries=2)
        actor = trainer.remote(config, settings, request.media_root, request.maximum_photos)
        result: dict[str, Any] = ray.get(actor.train.remote(rows))
    return result


def _what_matters(request: TrainBeautyModel) -> dict[str, Any]:
    """The request without locations: the same community may live elsewhere tomorrow."""
    return {name: value for name, value in request.to_dict().items() if name not in ("lake_uri", "media_root")}


if __name__ == "__main__":
    raise SystemExit(main(run, TrainBeautyModel))
