"""What is measured about scores: the calibration against people's ratings, and whether scores drift.

Learning and measuring stand in ``calibration.py`` and ``drift.py``; photos are scored for both by
``ray_jobs/score_sample.py``. The asset ``scores`` next door fills in the calibrated columns.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.beauty.calibration import (
    ZONE,
    Made,
    NotCalibrated,
    calibrate,
    find_model,
    photos_to_score,
    publish_calibration,
    read_rated_photos,
    read_summary,
    write_summary,
)
from assets.beauty.drift import TOLERANCE, Drift, DriftSample, compare, draw_sample
from assets.beauty.drift import ZONE as DRIFT_ZONE
from assets.beauty.pruning import prune_training_set
from assets.contracts.beauty import (
    BEAUTY_CALIBRATION,
    BEAUTY_MODELS,
    CALIBRATION_COVERAGE,
    JUDGED_ZONE,
    SCORES,
    TRAINING_SET,
)
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import ScoreSample
from assets.contracts.table import UNDATED
from assets.contracts.wording import counted
from assets.figures import reliability_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, not_made, picture
from assets.resources import RAY_RETRIES, LakeResource, RayJobs

_CODE = code_version_of("assets.beauty.calibration", "assets.statistics.conformal")
_INPUTS = ("photos", TRAINING_SET.key, PHOTO_RATINGS.key)
ZONES = (ZONE, DRIFT_ZONE, JUDGED_ZONE)
"""Zones of the lake with scores beside the months."""

_COVER, _STAY = "intervals_cover_the_ratings", "scores_have_not_drifted"


class CalibrationConfig(dg.Config):
    """Which model is calibrated."""

    model_version: str = Field(default="", description="Model version; empty means the newest.")


@dg.asset(
    key=BEAUTY_CALIBRATION.key,
    deps=[*_INPUTS, BEAUTY_MODELS.key, "landing"],
    group_name="beauty",
    kinds={"parquet", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    description=contract_description(BEAUTY_CALIBRATION),
    metadata=contract_metadata(BEAUTY_CALIBRATION),
    code_version=_CODE,
    check_specs=[
        dg.AssetCheckSpec(
            _COVER,
            asset=BEAUTY_CALIBRATION.key,
            description="The 95 % interval of the share of held-out photos inside their 90 % interval reaches 90 %.",
        )
    ],
)
def beauty_calibration(
    context: dg.AssetExecutionContext, config: CalibrationConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """Curve and interval of one model version, its rows replaced; those of other versions stay.

    Unchanged inputs leave the tables as they are; rated photos are scored once per model version. Without enough
    ratings the version has no calibration, and the reason is said.
    """
    store = lake.open()
    model = find_model(store, config.model_version)
    if model is None:
        return not_made(BEAUTY_CALIBRATION.key, _no_model(config.model_version), _COVER)
    version = model["model_version"]
    prune_training_set(store)
    inputs = {name: sha for table in _INPUTS for name, sha in store.fingerprints(table).items()}
    inputs[f"{BEAUTY_MODELS.key}/{version}"] = model["weights_sha256"]
    if store.is_current(BEAUTY_CALIBRATION, UNDATED, code_version=_CODE, inputs=inputs):
        context.log.info("beauty_calibration is up to date")
        return _calibration_result(store, version)
    made: Made | None = None
    reason = ""
    try:
        made = _learn(context, lake, ray_jobs, model)
    except NotCalibrated as error:
        reason = str(error)
    # The commit comes last: what a killed run left half done is then done again.
    write_summary(store, version, made, reason)
    publish_calibration(store, version, made, _CODE, inputs)
    return _calibration_result(store, version)


def _learn(context: dg.AssetExecutionContext, lake: LakeResource, ray_jobs: RayJobs, model: Mapping[str, Any]) -> Made:
    store = lake.open()
    request = ScoreSample(
        lake_uri=store.uri,
        media_root=lake.landing_folder(),
        photo_ids=photos_to_score(store, model),
        zone=ZONE,
        model_version=model["model_version"],
        is_fresh=False,
        num_gpus=ray_jobs.gpus(),
    )
    ray_jobs.run(context, request)
    photos = read_rated_photos(store, model["model_version"])
    return photos, calibrate(photos)


def _calibration_result(store: Lake, version: str) -> dg.MaterializeResult:
    summary = read_summary(store, version)
    row = next((row for row in store.read(BEAUTY_CALIBRATION).to_pylist() if row["model_version"] == version), None)
    if row is None:
        return not_made(BEAUTY_CALIBRATION.key, summary.get("reason", "it was withdrawn"), _COVER)
    coverage = store.read(CALIBRATION_COVERAGE).to_pylist()
    diagram = reliability_figure(summary["reliability"], "Reliability on held-out photos", "predicted", "mean rating")
    shown = ("photos", "fit_photos", "conformal_photos", "ratings_per_photo", "half_width", "noise_share")
    return dg.MaterializeResult(
        metadata={
            "model_version": version,
            **{name: row[name] for name in shown if row[name] is not None},
            "squared_error": markdown_table([{"raw": row["squared_error_raw"], "calibrated": row["squared_error"]}]),
            "coverage": markdown_table([{name: row[name] for name in ("level", "coverage", "lower", "upper")}]),
            "coverage_by_category": markdown_table([each for each in coverage if each["model_version"] == version]),
            "reliability": picture(diagram),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_COVER,
                passed=row["upper"] is not None and row["upper"] >= row["level"],
                description=_coverage_verdict(row),
                metadata={"coverage": row["coverage"], "photos": row["photos"]},
            )
        ],
    )


def _coverage_verdict(row: Mapping[str, Any]) -> str:
    if row["upper"] is None:
        return f"{counted(row['photos'], 'rated photo')}: too few to tell what the intervals cover"
    interval = f"(95 %: {row['lower']:.1%} to {row['upper']:.1%})"
    found = f"intervals of {row['level']:.0%} cover {row['coverage']:.1%} {interval}"
    return f"{found} of {counted(row['photos'], 'rated photo')} held out"


class DriftConfig(dg.Config):
    """How much is scored once more."""

    photos: int = Field(default=300, ge=1, description="Size of the random sample.")
    model_version: str = Field(default="", description="Model version; empty means the newest that has scores.")


@dg.asset(
    key="score_drift",
    deps=[SCORES.key, BEAUTY_MODELS.key],
    group_name="beauty",
    kinds={"torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    check_specs=[
        dg.AssetCheckSpec(
            _STAY,
            asset="score_drift",
            description=f"Photos that are scored once more get the score on record within {TOLERANCE:g}. Photos that "
            "can no longer be scored break it too, as a warning.",
        )
    ],
)
def score_drift(
    context: dg.AssetExecutionContext, config: DriftConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """A random sample of scored photos, scored once more and compared with what is on record.

    Each date of the data has a sample of its own. Every run scores it afresh, since what drifts is what no
    fingerprint sees: images, libraries, machines. No table depends on the result.
    """
    store = lake.open()
    sample = draw_sample(store, config.photos, config.model_version)
    if sample is None:
        return not_made("score_drift", _no_scores(config.model_version), _STAY)
    request = ScoreSample(
        lake_uri=store.uri,
        media_root=lake.landing_folder(),
        photo_ids=sample.scores["photo_id"].to_pylist(),
        zone=DRIFT_ZONE,
        model_version=sample.model_version,
        num_gpus=ray_jobs.gpus(),
    )
    ray_jobs.run(context, request)
    return _drift_result(sample, compare(store, sample))


def _drift_result(sample: DriftSample, found: Drift) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "model_version": sample.model_version,
            "data_date": sample.data_date,
            "photos": found.photos,
            "compared": found.compared,
            "largest_difference": "none compared" if found.largest is None else found.largest,
            "drifted": found.drifted,
            "unreadable": dg.MetadataValue.json(found.unreadable),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_STAY,
                passed=found.compared > 0 and not found.drifted and not found.unreadable,
                severity=dg.AssetCheckSeverity.ERROR if found.drifted else dg.AssetCheckSeverity.WARN,
                description=found.verdict,
                metadata={"compared": found.compared, "unreadable": sum(found.unreadable.values())},
            )
        ],
    )


def _no_model(version: str) -> str:
    return f"there is no trained model {version}" if version else "there is no trained model to calibrate"


def _no_scores(version: str) -> str:
    return f"there is no trained model {version} with scores" if version else "no trained model has scores"


ASSETS = [beauty_calibration, score_drift]
