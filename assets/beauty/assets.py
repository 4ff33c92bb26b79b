"""Beauty: what the network learns from, and one score per photo and model version.

The network lives in ``models/``, its loops in ``ray_jobs/``, its training in ``model_assets.py``, the social metric and
the buckets in ``social_metric.py`` and ``training_set.py``, ready-made scores in ``ready_made.py``. This file says only
what the tables are, how they are split and how one split is made.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.beauty import (
    calibration,
    calibration_assets,
    explanation_assets,
    judged_assets,
    model_assets,
    pretraining_assets,
)
from assets.beauty.model_assets import severity_of
from assets.beauty.pruning import prune_everything
from assets.beauty.ready_made import publish_ready_made_scores, withdraw_scores_without_photos
from assets.beauty.summaries import score_histogram, unscorable_share, unscored_photos
from assets.beauty.training_set import TrainingSetConfig, build_training_set
from assets.contracts.beauty import (
    BEAUTY_CALIBRATION,
    BEAUTY_MODELS,
    SCORES,
    TRAINING_SET,
    UNSCORABLE_PHOTOS,
)
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import CrossValidateBeauty, ScorePhotos
from assets.contracts.table import UNDATED
from assets.contracts.wording import counted
from assets.figures import grouped_bars_figure, histogram_figure
from assets.metadata import (
    OWNERS,
    contract_description,
    contract_metadata,
    markdown_table,
    not_made,
    picture,
    tell_partition_rows,
)
from assets.partitions import months, one_run
from assets.resources import RAY_RETRIES, LakeResource, RayJobs

_LABEL_INPUTS = ("users", "photos", "edges", "favorites", "photo_ratings")
_TRAINING_CODE = code_version_of("assets.beauty.training_set", "assets.beauty.social_metric", "assets.statistics")
_MOST_UNSCORABLE = 0.05
_BUCKETS = ("low", "median", "high")


@dg.asset(
    key=TRAINING_SET.key,
    deps=list(_LABEL_INPUTS),
    group_name="beauty",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    description=contract_description(TRAINING_SET),
    metadata=contract_metadata(TRAINING_SET),
    code_version=_TRAINING_CODE,
    check_specs=[
        dg.AssetCheckSpec(
            "training_set_holds_every_bucket",
            asset=TRAINING_SET.key,
            description="Low, median and high photos are there to learn from, and some to test on; "
            "a community without images or without favorites and ratings has none, and is scored ready-made only.",
        )
    ],
)
def training_set(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Labelled photos, replaced whole; unchanged inputs leave it as it is."""
    store = lake.open()
    inputs = {name: sha for table in _LABEL_INPUTS for name, sha in store.fingerprints(table).items()}
    if store.is_current(TRAINING_SET, UNDATED, code_version=_TRAINING_CODE, inputs=inputs):
        context.log.info("training_set is up to date")
    else:
        made = build_training_set(store, TrainingSetConfig())
        # The commit comes last: what a killed run left half done is then done again.
        store.put_bytes(f"{TRAINING_SET.key}/summary.json", json.dumps(made.summary, sort_keys=True).encode())
        store.write(TRAINING_SET, UNDATED, made.rows, code_version=_TRAINING_CODE, inputs=inputs)
    return _training_set_result(store)


def _training_set_result(store: Lake) -> dg.MaterializeResult:
    rows = store.read(TRAINING_SET, columns=["bucket", "split"])
    counts = rows.group_by(["bucket", "split"]).aggregate([([], "count_all")]).sort_by("bucket").to_pylist()
    number = {(row["bucket"], row["split"]): row["count_all"] for row in counts}
    present = set(number)
    complete = not _missing_labels(present)
    summary = json.loads(store.get_bytes(f"{TRAINING_SET.key}/summary.json") or b"{}")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "photos_by_bucket_and_split": markdown_table(counts),
            "labels": picture(
                grouped_bars_figure(
                    _BUCKETS,
                    {
                        split: [number.get((bucket, split), 0) for bucket in _BUCKETS]
                        for split in dict.fromkeys(row["split"] for row in counts)
                    },
                    f"{rows.num_rows:,} labelled photos",
                    "photos",
                )
            ),
            "metric": dg.MetadataValue.json(summary),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="training_set_holds_every_bucket",
                passed=complete,
                severity=dg.AssetCheckSeverity.WARN,
                description=_labels_verdict(present),
                metadata={"rows": rows.num_rows},
            )
        ],
    )


def _missing_labels(present: Collection[tuple[str, str]]) -> list[str]:
    wanted = [(bucket, split) for bucket in _BUCKETS for split in ("train", "test")]
    return [f"{bucket} photos to {split} on" for bucket, split in wanted if (bucket, split) not in present]


def _labels_verdict(present: Collection[tuple[str, str]]) -> str:
    if not present:
        return (
            "there is no labelled image: scores are ready-made ones only; to learn, land images with favorites, or "
            "with crowd ratings"
        )
    missing = _missing_labels(present)
    return f"there are no {', no '.join(missing)}: land more photos, favorites or ratings" if missing else "complete"


class ScoringConfig(dg.Config):
    """Which model scores, and in what portions."""

    model_version: str = Field(default="", description="Model version; empty: the one that `beauty_model` names.")
    part_photos: int = Field(default=ScorePhotos.part_photos, description="What a killed job loses at most.")
    batch_size: int = Field(default=ScorePhotos.batch_size, description="Photos per forward pass.")
    retry_unscorable: bool = Field(default=False, description="Look again at photos that could not be scored.")


@dg.asset(
    key=SCORES.key,
    deps=["photos", BEAUTY_MODELS.key, BEAUTY_CALIBRATION.key, "landing"],
    partitions_def=months,
    backfill_policy=one_run,
    group_name="beauty",
    kinds={"ray", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    description=contract_description(SCORES),
    metadata=contract_metadata(SCORES),
    check_specs=[
        dg.AssetCheckSpec(
            "every_image_is_scored_or_quarantined",
            asset=SCORES.key,
            description="Each public photo with an image has a score of this model version or a row in "
            f"`{UNSCORABLE_PHOTOS.key}`.",
        ),
        dg.AssetCheckSpec(
            "most_images_can_be_scored",
            asset=SCORES.key,
            description=f"At most {_MOST_UNSCORABLE:.0%} of the images are broken or missing; more means that they "
            f"are not where they should be. `{UNSCORABLE_PHOTOS.key}` names them; once they are there, run with "
            "`retry_unscorable`.",
        ),
    ],
)
def scores(
    context: dg.AssetExecutionContext, config: ScoringConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """Beauty in [0, 1]; a run scores only what this model version has not scored and replaces months whole.

    A new calibration makes the calibrated columns of all months anew, those that the run was not asked for included.
    """
    store = lake.open()
    wanted = list(context.partition_keys)
    withdraw_scores_without_photos(store, wanted)
    prune_everything(store, zones=calibration_assets.ZONES)
    publish_ready_made_scores(store, wanted)
    report: Mapping[str, Any] = {"scored": 0, "unscorable": 0, "model_version": "ready-made scores only"}
    if unscored_photos(store, wanted, "") and store.commit_of(BEAUTY_MODELS.key, UNDATED):
        request = ScorePhotos(
            lake_uri=store.uri,
            media_root=lake.landing_folder(),
            months=wanted,
            num_gpus_per_actor=ray_jobs.gpus(),
            **config.model_dump(),
        )
        report = ray_jobs.run(context, request)
    tell_partition_rows(context, SCORES.key, store.commits(SCORES.key, wanted), wanted)
    return _scores_result(store, wanted, report)


def _scores_result(store: Lake, wanted: list[str], report: Mapping[str, Any]) -> dg.MaterializeResult:
    version = report["model_version"]
    histogram = score_histogram(store, wanted, version)
    left = unscored_photos(store, wanted, version)
    broken = unscorable_share(store, wanted, version)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(commit.rows for commit in store.commits(SCORES.key)),
            "model_version": version,
            "newly_scored": report["scored"],
            "unscorable": report["unscorable"],
            "calibration": calibration.calibration_note(store, version),
            "recalibrated_months": dg.MetadataValue.json(report.get("recalibrated", [])),
            "distribution": picture(
                histogram_figure(histogram.edges, histogram.counts, f"Beauty of {histogram.photos:,} photos", "b(p)")
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="every_image_is_scored_or_quarantined",
                passed=left == 0 and histogram.photos > 0,
                severity=dg.AssetCheckSeverity.ERROR if left else dg.AssetCheckSeverity.WARN,
                description=_scored_verdict(left, histogram.photos),
                metadata={"photos_left_out": left, "photos_scored": histogram.photos},
            ),
            dg.AssetCheckResult(
                check_name="most_images_can_be_scored",
                passed=broken <= _MOST_UNSCORABLE,
                severity=dg.AssetCheckSeverity.ERROR,
                description=f"{broken:.1%} of the images are broken or missing, {_MOST_UNSCORABLE:.0%} may be; "
                f"`{UNSCORABLE_PHOTOS.key}` names them",
                metadata={"unscorable_share": broken},
            ),
        ],
    )


def _scored_verdict(left: int, scored: int) -> str:
    if left:
        return f"{counted(left, 'image')} without a score and without a reason: run the month again"
    if not scored:
        return "no photo has a score: no month of the run holds an image or a ready-made score"
    return f"{counted(scored, 'photo')} with a score"


class CrossValidationConfig(dg.Config):
    """Which model is judged, and how."""

    architecture: str = Field(default=CrossValidateBeauty.architecture, description="Name in the model registry.")
    folds: int = Field(default=CrossValidateBeauty.folds, description="Folds of whole users, or of photos.")
    epochs: int = Field(default=CrossValidateBeauty.epochs, description="Passes over a fold's training photos.")
    seed: int = Field(default=CrossValidateBeauty.seed, description="Everything random derives from it.")


@dg.asset(
    key="beauty_cross_validation",
    deps=["photos", "photo_ratings"],
    group_name="beauty",
    kinds={"ray", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    check_specs=[
        dg.AssetCheckSpec(
            "scores_agree_with_people",
            asset="beauty_cross_validation",
            description="Spearman correlation of out-of-fold scores with mean ratings is above 0 with 95 % confidence.",
        )
    ],
)
def beauty_cross_validation(
    context: dg.AssetExecutionContext, config: CrossValidationConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """How well a model learned from people's ratings predicts ratings it has not seen.

    Each rated photo is scored by a model trained on the other folds; the scores stand in `scores` under a
    version of their own (`<architecture>-cv<folds>-...`), which no mart uses unless it is named. A re-run on
    the same photos and ratings leaves them; on others it adds a version.
    """
    store = lake.open()
    rated = store.commit_of("photo_ratings", UNDATED)
    if rated is None or rated.rows == 0:
        reason = "there are no ratings by accepted raters"
        return not_made("beauty_cross_validation", reason, "scores_agree_with_people")
    request = CrossValidateBeauty(
        lake_uri=store.uri,
        media_root=lake.landing_folder(),
        num_gpus_per_fold=ray_jobs.gpus(),
        **config.model_dump(),
    )
    report = ray_jobs.run(context, request)
    spearman = report["spearman"]
    return dg.MaterializeResult(
        metadata={
            "model_version": report["model_version"],
            "spearman": spearman["value"],
            "interval_95": "unknown"
            if spearman["value"] is None
            else f"{spearman['lower']:.3f} to {spearman['upper']:.3f}",
            "photos": spearman["n"],
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="scores_agree_with_people",
                passed=spearman["lower"] is not None and spearman["lower"] > 0,
                severity=severity_of(spearman),
                description=_agreement_verdict(spearman),
                metadata={"photos": spearman["n"]},
            )
        ],
    )


def _agreement_verdict(spearman: Mapping[str, Any]) -> str:
    if spearman["value"] is None:
        return f"{counted(spearman['n'], 'rated photo')}: too few to tell"
    interval = f"(95 %: {spearman['lower']:.2f} to {spearman['upper']:.2f})"
    return f"Spearman {spearman['value']:.2f} {interval} out of fold on {counted(spearman['n'], 'rated photo')}"


ASSETS = [
    training_set,
    scores,
    beauty_cross_validation,
    *calibration_assets.ASSETS,
    *explanation_assets.ASSETS,
    *judged_assets.ASSETS,
    *model_assets.ASSETS,
    *pretraining_assets.ASSETS,
]
