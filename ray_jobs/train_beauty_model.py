"""Train a beauty network on ``training_set`` and add it to ``beauty_model``.

The same request on the same training set by the same code gives the model that is there already, without
starting Ray. Networks and steps live in ``models``; what a row means in ``assets/contracts/beauty.py``.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray

from assets.contracts.beauty import TRAINING_SET
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import TrainBeautyModel
from models.evaluation import bootstrapped, low_high_accuracy, spearman
from models.heads import BUCKET_VALUES, BUCKETS
from models.preprocessing import Preprocessing
from models.registry import model_entry
from models.training import EpochMetrics, TrainingData, TrainingSettings, predict_beauty, train_network
from models.weights import ModelConfig, dump_weights, sha256_of
from ray_jobs.cluster import ray_cluster, usable_cpus
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import add_model, model_rows, weights_name
from ray_jobs.photo_source import PhotoSource
from ray_jobs.prepared_photos import prepare_photos

CODE = (
    "models.alexnet",
    "models.decoding",
    "models.handcrafted",
    "models.heads",
    "models.preprocessing",
    "models.training",
    "models.weights",
    "ray_jobs.prepared_photos",
    "ray_jobs.train_beauty_model",
)
"""Modules whose change makes another model."""

_SPLITS = ("train", "validation", "test")


class BeautyTrainer:
    """Trains one network.

    Args:
        config: Which network, and how photos are prepared for it.
        settings: How to train.
        media_root: Where relative photo URIs start.
    """

    def __init__(self, config: ModelConfig, settings: TrainingSettings, media_root: str) -> None:
        self._config = config
        self._settings = settings
        self._source = PhotoSource(media_root)

    def train(self, rows: pa.Table) -> dict[str, Any]:
        """Train on the rows of split ``train`` and measure on those of ``test``.

        Args:
            rows: Columns ``uri``, ``bucket``, ``metric`` and ``split`` of ``training_set``.

        Returns:
            ``weights`` (bytes), ``parameters``, ``training_photos``, ``unusable_photos`` and ``metrics``.

        Raises:
            ValueError: Fewer than two photos of the split ``train`` could be read.
        """
        with tempfile.TemporaryDirectory() as folder:
            uris = rows["uri"].to_pylist()
            prepared, usable = prepare_photos(
                self._source, uris, self._config.preprocessing, Path(folder) / "photos.npy", usable_cpus()
            )
            split, metric = rows["split"].to_numpy(), rows["metric"].to_numpy()
            targets = _targets(rows["bucket"].to_numpy())
            chosen = {name: np.flatnonzero(usable & (split == name)) for name in _SPLITS}
            # Copies: training must not wait for the disk, and only labelled photos come here.
            data = {name: TrainingData(prepared[index], targets[index]) for name, index in chosen.items()}
            network, curve = train_network(self._config, self._settings, data["train"], data["validation"])
            beauty = predict_beauty(network, self._config, data["test"].inputs, self._settings.device)
        return {
            "weights": dump_weights(network, self._config),
            "parameters": sum(p.numel() for p in network.parameters()),
            "training_photos": len(chosen["train"]),
            "unusable_photos": int((~usable).sum()),
            "metrics": _held_out_metrics(beauty, targets[chosen["test"]], metric[chosen["test"]]),
            "curves": _curves(curve),
        }


def _targets(buckets: np.ndarray) -> np.ndarray:
    values = dict(zip(BUCKETS, BUCKET_VALUES, strict=True))
    return np.array([values[bucket] for bucket in buckets], np.float32)


def _held_out_metrics(beauty: np.ndarray, targets: np.ndarray, metric: np.ndarray) -> list[dict[str, Any]]:
    """Metrics on users and months that training has not seen."""
    extreme = targets != 0.5
    accuracy = bootstrapped(low_high_accuracy, beauty[extreme], targets[extreme] == 1.0)
    correlation = bootstrapped(spearman, beauty, metric)
    return [
        {"name": "accuracy_low_high", **accuracy.to_dict()},
        {"name": "spearman_with_metric", **correlation.to_dict()},
    ]


def _curves(curve: list[EpochMetrics]) -> dict[str, list[float]]:
    """Curves by name, one value per epoch; a curve that was not measured is left out."""
    curves = {
        "training loss": [point.loss for point in curve],
        "validation Spearman": [point.validation_spearman for point in curve],
    }
    return {name: [v for v in values if v is not None] for name, values in curves.items() if None not in values}


def model_config(request: TrainBeautyModel) -> ModelConfig:
    """The network that a request asks for.

    Raises:
        KeyError: There is no such architecture.
        ValueError: There is no such head.
    """
    standard = model_entry(request.architecture).preprocessing
    features = standard.features
    size = standard.input_size if features else request.input_size
    config = ModelConfig(request.architecture, request.head, Preprocessing(input_size=size, features=features))
    config.create_head()
    if request.workers != 1:
        raise ValueError(f"workers is {request.workers}; training runs in one worker")
    return config


def run(request: TrainBeautyModel, report: Report = silent) -> dict[str, Any]:
    """Train, store the weights, add the row.

    Returns:
        The row of ``beauty_model`` with ``metrics`` decoded (list of name, value, n, lower, upper), ``curves``
        (name -> value per epoch), and ``trained``: False if the model was there already.

    Raises:
        ValueError: The training set has no rows, or the request names an unknown network or head.
    """
    config = model_config(request)
    lake = Lake(request.lake_uri)
    code_version = code_version_of(*CODE)
    inputs = lake.fingerprints(TRAINING_SET.key)
    identity = json.dumps(
        {"request": _what_matters(request), "training_set": inputs, "code_version": code_version}, sort_keys=True
    )
    for row in model_rows(lake):
        if row["config"] == identity:
            report(f"{row['model_version']} was trained from this request already")
            return _result(lake, row, trained=False)
    rows = lake.read(TRAINING_SET, columns=["uri", "bucket", "metric", "split"])
    if not rows.num_rows:
        raise ValueError(f"training_set of {lake.uri} has no rows; materialize it before training")
    report(f"training {request.architecture} on {rows.num_rows:,} labelled photos")
    trained = _train_on_ray(request, config, rows)
    weights = trained["weights"]
    digest = sha256_of(weights)
    version = f"{request.architecture}-{digest[:12]}"
    lake.put_bytes(weights_name(version), weights)
    row = {
        "model_version": version,
        "preprocessing_hash": config.preprocessing.hash,
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


def _curves_name(version: str) -> str:
    return f"beauty_model/curves/{version}.json"


def _result(lake: Lake, row: dict[str, Any], *, trained: bool) -> dict[str, Any]:
    curves = json.loads(lake.get_bytes(_curves_name(row["model_version"])) or b"{}")
    return {**row, "metrics": json.loads(row["metrics"]), "curves": curves, "trained": trained}


def _train_on_ray(request: TrainBeautyModel, config: ModelConfig, rows: pa.Table) -> dict[str, Any]:
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
        trainer = ray.remote(BeautyTrainer).options(num_cpus=1, num_gpus=gpus, max_restarts=2, max_task_retries=2)
        # One slot: wherever the actor lands, it uses the cores that it finds there.
        actor = trainer.remote(config, settings, request.media_root)
        result: dict[str, Any] = ray.get(actor.train.remote(rows))
    return result


def _what_matters(request: TrainBeautyModel) -> dict[str, Any]:
    """The request without locations: the same community may live elsewhere tomorrow."""
    return {name: value for name, value in request.to_dict().items() if name not in ("lake_uri", "media_root")}


if __name__ == "__main__":
    raise SystemExit(main(run, TrainBeautyModel))
