"""Train a network to name objects and add it to ``object_model``, for a beauty network to start from.

A run that is killed goes on where it was after its last whole epoch when the request comes again. The same request on
the same images by the same code gives the model that is there already. What a worker does stands in
``object_trainer.py``, where images come from in ``object_images.py``, how workers run in ``train_workers.py``.
"""

import hashlib
import json
from typing import Any

import pyarrow as pa

from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.objects import OBJECT_MODELS, examples_name, summary_name
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import PretrainObjects
from assets.contracts.table import UNDATED
from ray_jobs.entry import Report, main, silent
from ray_jobs.training_states import state_name

CODE = (
    "models.alexnet",
    "models.backbones",
    "models.decoding",
    "models.heads",
    "models.labelled_images",
    "models.object_pretraining",
    "models.preprocessing",
    "models.training",
    "models.training_state",
    "models.weights",
    "ray_jobs.object_images",
    "ray_jobs.object_trainer",
    "ray_jobs.pretrain_objects",
    "ray_jobs.train_workers",
    "ray_jobs.training_states",
)
"""Modules whose change makes another model."""

_JOB = "pretrain_objects"
_WEIGHTS = f"{OBJECT_MODELS.key}/weights"


def run(request: PretrainObjects, report: Report = silent) -> dict[str, Any]:
    """Train, store the weights, add the row.

    Returns:
        The row of ``object_model``, ``trained``: False if the model was there already, ``curves`` (name -> value per
        epoch), ``by_class`` (see ``object_trainer.recognition``) and ``unreadable_images``.

    Raises:
        ValueError: There are no images of at least two classes, the network learns no objects, or Ray has no room for
            the workers.
        KeyError: There is no such architecture.
    """
    from models.object_pretraining import object_config
    from ray_jobs.object_images import categorised_photos, open_images

    lake = Lake(request.lake_uri)
    photos = categorised_photos(lake)
    images = open_images(request, photos).train
    identity = _identity(request, images.fingerprint)
    for row in _rows(lake):
        if row["config"] == identity:
            report(f"{row['model_version']} was trained from this request already")
            return _result(lake, row, trained=False)
    config = object_config(request.architecture, len(images.classes), request.input_size)
    report(f"training {request.architecture} on {len(images):,} images of {len(images.classes):,} classes")
    trained = _train_on_ray(request, config, photos, state_name(_JOB, identity))
    row = _store(lake, request, list(images.classes), identity, trained)
    report(f"trained {row['model_version']}")
    return _result(lake, row, trained=True)


def _train_on_ray(request: PretrainObjects, config: Any, photos: pa.Table, state: str) -> dict[str, Any]:
    from models.training import TrainingSettings
    from ray_jobs import train_workers
    from ray_jobs.object_trainer import PretrainOnObjects

    settings = TrainingSettings(
        epochs=request.epochs, batch_size=request.batch_size, learning_rate=request.learning_rate, seed=request.seed
    )
    task = PretrainOnObjects(config, settings, request, photos, state)
    return train_workers.run_on_workers(task, workers=request.workers, gpus=request.num_gpus_per_worker)


def _store(
    lake: Lake, request: PretrainObjects, classes: list[str], identity: str, trained: dict[str, Any]
) -> dict[str, Any]:
    """Weights, summary and, last, the row; the state that they were made from is not needed any more."""
    digest = hashlib.sha256(trained["weights"]).hexdigest()
    version = f"{request.architecture}-objects-{digest[:12]}"
    weights_uri = f"{_WEIGHTS}/{version}.safetensors"
    lake.put_bytes(weights_uri, trained["weights"])
    summary = {name: trained[name] for name in ("curves", "by_class", "unreadable_images")}
    lake.put_bytes(summary_name(version), json.dumps(summary, sort_keys=True).encode())
    if trained["examples"]:
        lake.put_bytes(examples_name(version), trained["examples"])
    accuracy = trained["accuracy"]
    row = {
        "model_version": version,
        "preprocessing_hash": trained["preprocessing_hash"],
        "architecture": request.architecture,
        "classes": classes,
        "weights_uri": weights_uri,
        "weights_sha256": digest,
        "parameters": trained["parameters"],
        "training_images": trained["training_images"],
        "held_out_images": accuracy["n"],
        "accuracy": accuracy["value"],
        "lower": accuracy["lower"],
        "upper": accuracy["upper"],
        "chance_accuracy": trained["chance_accuracy"],
        "config": identity,
    }
    rows = [*(other for other in _rows(lake) if other["model_version"] != version), row]
    table = pa.Table.from_pylist(rows, schema=OBJECT_MODELS.schema)
    inputs = {} if request.images else lake.fingerprints(PHOTOS.key)
    lake.write(OBJECT_MODELS, UNDATED, table, code_version=code_version_of(*CODE), inputs=inputs)
    lake.delete(state_name(_JOB, identity))
    return row


def _rows(lake: Lake) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.read(OBJECT_MODELS).to_pylist()
    return rows


def _identity(request: PretrainObjects, images: str) -> str:
    """What decides the weights: the request without locations, the images and the code."""
    known = {"request": request.settings(), "images": images, "code_version": code_version_of(*CODE)}
    return json.dumps(known, sort_keys=True)


def _result(lake: Lake, row: dict[str, Any], *, trained: bool) -> dict[str, Any]:
    summary = json.loads(lake.get_bytes(summary_name(row["model_version"])) or b"{}")
    return {**row, **summary, "trained": trained}


if __name__ == "__main__":
    raise SystemExit(main(run, PretrainObjects))
