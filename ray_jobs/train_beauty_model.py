"""Train a beauty network on ``training_set`` and add it to ``beauty_model``.

The same request on the same training set by the same code gives the model that is there already, without importing
Ray or torch. Where newer models have come since, it becomes the one that scores again. A run that is killed goes on
after its last whole epoch when the request comes again. What a worker does stands in ``beauty_trainer.py``, how workers
run in ``train_workers.py``.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from assets.contracts.beauty import BASELINE, TRAINING_SET
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import TrainBeautyModel
from ray_jobs.entry import Report, main, silent
from ray_jobs.head_comparison import HEADS, HeldOut, compare_heads
from ray_jobs.initial_weights import initial_sha256, read_initial
from ray_jobs.model_store import add_model, is_held_back, model_rows, weights_name
from ray_jobs.training_states import state_name

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
    "ray_jobs.head_comparison",
    "ray_jobs.prepared_photos",
    "ray_jobs.train_beauty_model",
    "ray_jobs.train_workers",
    "ray_jobs.training_states",
)
"""Modules whose change makes another model."""

_JOB = "train_beauty_model"
_BASELINE_PHOTOS = 3_000
"""Photos that the baseline is fitted to at most: plenty for 69 weights."""


def run(request: TrainBeautyModel, report: Report = silent) -> dict[str, Any]:
    """Train, store the weights, add the row; two of each where the head is to be found out, and the baseline.

    Returns:
        The row of ``beauty_model`` with ``metrics`` decoded (list of name, value, n, lower, upper), ``curves``
        (name -> value per epoch), ``trained``: False if the model was there already, and ``scores_with``: version of
        the model that scores from now on, another one if this is no better than a coin. With the head ``auto`` it is
        the row of the better one, and ``comparison`` says how both did. ``baseline`` is the row of the hand-crafted
        model, where it was asked for.

    Raises:
        ValueError: The training set has no rows, the request names an unknown network or head or unknown initial
            weights, or Ray has no room for its workers.
    """
    lake = Lake(request.lake_uri)
    result = (_run_both if request.head == "auto" else _run_one)(lake, request, report)
    if request.baseline and request.architecture != BASELINE:
        result["baseline"] = _with_metrics(_run_baseline(lake, request, report))
    return {**result, "scores_with": model_rows(lake)[-1]["model_version"]}


def _run_one(lake: Lake, request: TrainBeautyModel, report: Report) -> dict[str, Any]:
    if known := _known(lake, request, report):
        return _result(lake, _scoring_again(lake, known), trained=False)
    made = _train(lake, request, report)
    return _result(lake, _add(lake, made.row), trained=True)


def _run_baseline(lake: Lake, request: TrainBeautyModel, report: Report) -> dict[str, Any]:
    """The row of the hand-crafted model, fitted to photos out of those that the network learns from."""
    baseline = TrainBeautyModel(
        lake_uri=request.lake_uri,
        media_root=request.media_root,
        architecture=BASELINE,
        head="regressor",
        maximum_photos=min(request.maximum_photos, _BASELINE_PHOTOS),
        seed=request.seed,
    )
    found = _known(lake, baseline, report) or _train(lake, baseline, report).row
    rows = model_rows(lake)
    known = {row["model_version"]: row for row in rows}.get(found["model_version"])
    # One that somebody lets score stays where it is; the newest of the others stands behind all.
    if known and (known["sequence"] > 0 or known == rows[0]):
        return known
    return _add(lake, {name: value for name, value in found.items() if name != "sequence"}, scores=False)


def _known(lake: Lake, request: TrainBeautyModel, report: Report) -> dict[str, Any] | None:
    identity = _identity(lake, request)
    for row in model_rows(lake):
        if row["config"] == identity:
            report(f"{row['model_version']} was trained from this request already")
            return row
    return None


def _run_both(lake: Lake, request: TrainBeautyModel, report: Report) -> dict[str, Any]:
    name = _comparison_name(_identity(lake, request))
    comparison = json.loads(lake.get_bytes(name) or b"{}")
    known = {row["model_version"]: row for row in model_rows(lake)}
    if comparison and all(each["model_version"] in known for each in comparison["heads"]):
        winner = known[comparison["model_version"]]
        report(f"{winner['model_version']} was trained from this request already")
        return {**_result(lake, _scoring_again(lake, winner), trained=False), "comparison": comparison}
    made = _train_both(lake, request, report)
    comparison = compare_heads(
        {head: each.held_out for head, each in made.items()},
        {head: str(each.row["model_version"]) for head, each in made.items()},
    )
    winner = comparison["winner"]
    report(f"the {winner} scores: {comparison['rule']}")
    lake.put_bytes(name, json.dumps(comparison, sort_keys=True).encode())
    for head in sorted(HEADS, key=lambda head: head == winner):
        row = _add(lake, made[head].row)
    return {**_result(lake, row, trained=True), "comparison": comparison}


@dataclass(frozen=True)
class _Trained:
    row: dict[str, Any]
    held_out: HeldOut


def _train_both(lake: Lake, request: TrainBeautyModel, report: Report) -> dict[str, _Trained]:
    """Train both heads; Ray is started once."""
    from ray_jobs.cluster import ray_cluster

    with ray_cluster(request.num_gpus_per_worker):
        return {head: _train(lake, replace(request, head=head), report) for head in HEADS}


def _train(lake: Lake, request: TrainBeautyModel, report: Report) -> _Trained:
    """Train one network and store its weights and curves."""
    identity = _identity(lake, request)
    rows = lake.read(TRAINING_SET, columns=["photo_id", "user_id", "uri", "bucket", "metric", "split"])
    if not rows.num_rows:
        raise ValueError(f"training_set of {lake.uri} has no rows; materialize it before training")
    report(f"training {request.architecture} as {request.head} on {rows.num_rows:,} labelled photos")
    trained = _trained(request, rows, read_initial(lake, request.initial), state_name(_JOB, identity))
    weights = trained["weights"]
    digest = hashlib.sha256(weights).hexdigest()
    version = f"{request.architecture}-{digest[:12]}"
    lake.put_bytes(weights_name(version), weights)
    lake.put_bytes(_curves_name(version), json.dumps(trained["curves"], sort_keys=True).encode())
    report(f"trained {version} on {trained['training_photos']:,} photos, {trained['unusable_photos']:,} unusable")
    row = {
        "model_version": version,
        "preprocessing_hash": trained["preprocessing_hash"],
        "architecture": request.architecture,
        "head": request.head,
        "weights_uri": weights_name(version),
        "weights_sha256": digest,
        "parameters": trained["parameters"],
        "training_photos": trained["training_photos"],
        "metrics": json.dumps(trained["held_out"].metrics, sort_keys=True),
        "config": identity,
    }
    return _Trained(row, trained["held_out"])


def _identity(lake: Lake, request: TrainBeautyModel) -> str:
    """What decides the weights: the request without locations, the training set and the code."""
    known = {
        "request": request.settings(),
        "training_set": lake.fingerprints(TRAINING_SET.key),
        "code_version": code_version_of(*CODE),
    }
    if request.initial:
        known["initial_sha256"] = initial_sha256(lake, request.initial)
    return json.dumps(known, sort_keys=True)


def _add(lake: Lake, row: dict[str, Any], *, scores: bool = True) -> dict[str, Any]:
    """The row in the table; the state that it was made from is not needed any more."""
    learnt_from: dict[str, str] = json.loads(row["config"])["training_set"]
    added = add_model(lake, row, code_version=code_version_of(*CODE), inputs=learnt_from, scores=scores)
    lake.delete(state_name(_JOB, row["config"]))
    return added


def _scoring_again(lake: Lake, row: dict[str, Any]) -> dict[str, Any]:
    """The row in front: labels that went there and back must score with what they trained."""
    rows = model_rows(lake)
    if row == rows[-1] or is_held_back(row, rows):
        return row
    return _add(lake, {name: value for name, value in row.items() if name != "sequence"})


def _curves_name(version: str) -> str:
    return f"beauty_model/curves/{version}.json"


def _comparison_name(identity: str) -> str:
    return f"beauty_model/comparisons/{hashlib.sha256(identity.encode()).hexdigest()[:12]}.json"


def _result(lake: Lake, row: dict[str, Any], *, trained: bool) -> dict[str, Any]:
    curves = json.loads(lake.get_bytes(_curves_name(row["model_version"])) or b"{}")
    return {**_with_metrics(row), "curves": curves, "trained": trained}


def _with_metrics(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "metrics": json.loads(row["metrics"])}


def _trained(request: TrainBeautyModel, rows: pa.Table, initial: bytes | None, state: str) -> dict[str, Any]:
    from models.training import TrainingSettings
    from ray_jobs import train_workers
    from ray_jobs.beauty_trainer import TrainBeauty, model_config
    from ray_jobs.cluster import usable_cpus

    settings = TrainingSettings(
        epochs=request.epochs,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        seed=request.seed,
        backbone_rate=request.backbone_rate,
    )
    task = TrainBeauty(model_config(request), settings, request, rows, initial, state)
    if request.architecture == BASELINE:
        # Fitted in seconds, which is what the start of Ray would cost.
        return task(train_workers.Worker(threads=usable_cpus()))
    return train_workers.run_on_workers(task, workers=request.workers, gpus=request.num_gpus_per_worker)


if __name__ == "__main__":
    raise SystemExit(main(run, TrainBeautyModel))
