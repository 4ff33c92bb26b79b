"""Out-of-fold beauty of rated photos: each fold is scored by a model that has not seen it, through the usual scorer.

One Ray task per fold trains on the other folds and scores its own. The rows go into ``scores`` under a model version
of their own, ``<architecture>-cv<folds>-<hash>``, so that everything downstream can be run on honest scores.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import CrossValidateBeauty
from assets.contracts.table import month_of
from ray_jobs.entry import Report, main, silent
from ray_jobs.scoring_plan import end_of_month
from ray_jobs.train_beauty_model import CODE as TRAINING_CODE

CODE = (*TRAINING_CODE, "models.pipeline", "models.scorer", "ray_jobs.photo_scorer", "ray_jobs.cross_validate")
"""Modules whose change makes other scores."""

_MINIMUM_PHOTOS_PER_FOLD = 2


class FoldScorer:
    """Trains on some photos and scores others.

    Args:
        request: What to train, and where photos are.
    """

    def __init__(self, request: CrossValidateBeauty) -> None:
        self._request = request

    def __call__(self, train: pa.Table, held_out: pa.Table) -> tuple[pa.Table, str]:
        """Scores of one fold.

        Args:
            train: Columns ``uri`` and ``mean_rating`` of the other folds.
            held_out: Columns ``photo_id``, ``uploaded_at`` and ``uri`` of this fold.

        Returns:
            Table of ``ray_jobs.parts.PART_SCHEMA`` with every photo once, and the preprocessing hash.
        """
        from models.evaluation import average_ranks
        from models.registry import model_entry
        from models.training import TrainingData, TrainingSettings, train_network
        from models.weights import ModelConfig, dump_weights
        from ray_jobs.photo_scorer import PhotoScorer
        from ray_jobs.photo_source import PhotoSource
        from ray_jobs.prepared_photos import prepare_photos

        request = self._request
        preprocessing = model_entry(request.architecture).preprocessing.resized(request.input_size)
        config = ModelConfig(request.architecture, request.head, preprocessing)
        settings = TrainingSettings(
            epochs=request.epochs,
            batch_size=request.batch_size,
            learning_rate=request.learning_rate,
            seed=request.seed,
            threads=1,
            device="cuda" if request.num_gpus_per_fold else "cpu",
        )
        with tempfile.TemporaryDirectory() as folder:
            prepared, usable = prepare_photos(
                PhotoSource(request.media_root), train["uri"].to_pylist(), preprocessing, Path(folder) / "photos.npy", 1
            )
            inputs = prepared[usable]
        ratings = train["mean_rating"].to_numpy()[usable]
        targets = ((average_ranks(ratings) - 0.5) / len(ratings)).astype(np.float32)
        data, nothing = TrainingData(inputs, targets), TrainingData(inputs[:0], targets[:0])
        network, _ = train_network(config, settings, data, nothing)
        scorer = PhotoScorer(dump_weights(network, config), request.media_root, decoders=1)
        return scorer(held_out), preprocessing.hash


def run(request: CrossValidateBeauty, report: Report = silent) -> dict[str, Any]:
    """Cross-validate, store the out-of-fold scores, compare them with people.

    The same request on the same ratings and photos by the same code gives the stored answer without Ray.

    Returns:
        ``model_version``, ``scored``, ``unscorable``, ``months``, and ``spearman``: Spearman correlation of
        out-of-fold beauty with mean ratings: value, n, lower and upper (95 % bootstrap over photos).

    Raises:
        ValueError: There are fewer than two rated photos with an image per fold, or fewer than two folds.
    """
    lake = Lake(request.lake_uri)
    version = _model_version(request, lake)
    if (stored := _stored_result(lake, version)) is not None:
        report(f"{version} is there already")
        return stored
    photos = rated_photos(lake, request.minimum_ratings)
    if request.folds < 2 or photos.num_rows < _MINIMUM_PHOTOS_PER_FOLD * request.folds:
        raise ValueError(
            f"{photos.num_rows} photos have an image and {request.minimum_ratings} ratings; {request.folds} folds "
            f"need at least 2 folds and {_MINIMUM_PHOTOS_PER_FOLD} photos in each"
        )
    folds = assign_folds(photos["user_id"].to_pylist(), photos["photo_id"].to_pylist(), request.folds, request.seed)
    report(f"{version}: {photos.num_rows:,} rated photos in {request.folds} folds")
    results, preprocessing_hash = _score_folds(request, photos, folds)
    scored = results.filter(pc.is_null(results["reason"]))
    months = _publish(lake, version, preprocessing_hash, scored)
    result = {
        "model_version": version,
        "scored": scored.num_rows,
        "unscorable": results.num_rows - scored.num_rows,
        "months": months,
        "spearman": _agreement(scored, photos),
    }
    lake.put_bytes(_result_name(version), json.dumps(result, sort_keys=True).encode())
    report(f"{version}: Spearman {result['spearman']}")
    return result


def rated_photos(lake: Lake, minimum_ratings: int) -> pa.Table:
    """Public photos with an image and enough ratings by accepted raters.

    Returns:
        ``photo_id``, ``user_id``, ``uploaded_at``, ``uri``, ``mean_rating``, sorted by ``photo_id``.
    """
    means = lake.dataset(PHOTO_RATINGS).to_table(
        columns=["photo_id", "mean_rating"], filter=pc.field("n") >= minimum_ratings
    )
    wanted = (pc.field("uri") != "") & pc.field("is_public") & pc.field("photo_id").isin(means["photo_id"])
    columns = ["photo_id", "user_id", "uploaded_at", "uri"]
    photos = lake.dataset(PHOTOS).to_table(columns=columns, filter=wanted)
    return photos.join(means, "photo_id", join_type="inner").sort_by("photo_id").combine_chunks()


def assign_folds(users: Sequence[int | None], photos: Sequence[int], folds: int, seed: int) -> np.ndarray:
    """Fold of each photo: all photos of a user in one fold; folds hold about equally many users.

    >>> assign_folds([1, 1, None, None], [10, 11, 12, 13], 2, seed=0).tolist()
    [1, 1, 0, 0]
    """
    from models.evaluation import owners  # torch stays out of the job's driver

    names, unit = np.unique(owners(users, photos), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    folds_of_units: np.ndarray = order[unit] % folds
    return folds_of_units


def _score_fold(request: CrossValidateBeauty, train: pa.Table, held_out: pa.Table) -> tuple[pa.Table, str]:
    return FoldScorer(request)(train, held_out)


def _score_folds(request: CrossValidateBeauty, photos: pa.Table, folds: np.ndarray) -> tuple[pa.Table, str]:
    import ray

    from ray_jobs.cluster import ray_cluster, training_options

    with ray_cluster(request.num_gpus_per_fold):
        task = ray.remote(_score_fold).options(**training_options(request.num_gpus_per_fold), max_retries=2)
        answers = [
            task.remote(request, photos.filter(pa.array(folds != fold)), photos.filter(pa.array(folds == fold)))
            for fold in range(request.folds)
        ]
        parts = ray.get(answers)
    return pa.concat_tables([part for part, _ in parts]).sort_by("photo_id"), parts[0][1]


def _publish(lake: Lake, version: str, preprocessing_hash: str, scored: pa.Table) -> list[str]:
    """Put the rows into their months beside those of other models, whose inputs stay recorded."""
    month_names = [month_of(moment) for moment in scored["uploaded_at"].to_pylist()]
    months = sorted(set(month_names))
    for month in months:
        rows = scored.filter(pa.array([name == month for name in month_names]))
        new = SCORES.conform(
            rows.select(["photo_id", "uploaded_at", "beauty", "p_low", "p_median", "p_high"])
            .append_column("model_version", pa.array([version] * rows.num_rows))
            .append_column("preprocessing_hash", pa.array([preprocessing_hash] * rows.num_rows))
            .append_column("scored_at", pa.array([end_of_month(month)] * rows.num_rows, pa.timestamp("us", tz="UTC")))
        )
        before = lake.commit_of(SCORES.key, month)
        if before is not None and before.schema != SCORES.fingerprint:
            before = None  # other models have to look at the month again, since a column is new
        old = lake.read(SCORES, [month]).filter(SCORES.is_complete)
        others = old.filter(pc.not_equal(old["model_version"], version))
        lake.write(
            SCORES,
            month,
            pa.concat_tables([others, new]),
            code_version=before.code_version if before else "",
            inputs={**(before.inputs if before else {}), f"cross_validation/{version}": version},
        )
    return months


def _agreement(scored: pa.Table, photos: pa.Table) -> dict[str, Any]:
    from models.evaluation import bootstrapped, owners, spearman

    known = photos.select(["photo_id", "user_id", "mean_rating"])
    both = scored.select(["photo_id", "beauty"]).join(known, "photo_id").sort_by("photo_id")
    groups = owners(both["user_id"].to_pylist(), both["photo_id"].to_pylist())
    found = bootstrapped(spearman, both["beauty"].to_numpy(), both["mean_rating"].to_numpy(), groups=groups)
    return found.to_dict()


def _model_version(request: CrossValidateBeauty, lake: Lake) -> str:
    inputs = {**lake.fingerprints(PHOTO_RATINGS.key), **lake.fingerprints(PHOTOS.key)}
    document = json.dumps([request.settings(), inputs, code_version_of(*CODE)], sort_keys=True)
    return f"{request.architecture}-cv{request.folds}-{hashlib.sha256(document.encode()).hexdigest()[:12]}"


def _result_name(version: str) -> str:
    return f"cross_validation/{version}.json"


def _stored_result(lake: Lake, version: str) -> dict[str, Any] | None:
    """The answer of an earlier run, if its rows are still in ``scores``."""
    content = lake.get_bytes(_result_name(version))
    if content is None:
        return None
    result: dict[str, Any] = json.loads(content)
    ours = pc.field("model_version") == version
    rows = lake.dataset(SCORES, result["months"]).count_rows(filter=ours)
    return result if rows == result["scored"] else None


if __name__ == "__main__":
    raise SystemExit(main(run, CrossValidateBeauty))
