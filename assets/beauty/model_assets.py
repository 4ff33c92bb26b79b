"""The trained network: how it is asked for, and how classifier, regressor and baseline do on unseen users."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.beauty import BEAUTY_MODELS, TRAINING_SET, beats_a_coin
from assets.contracts.objects import OBJECT_MODELS
from assets.contracts.requests import TrainBeautyModel
from assets.contracts.table import UNDATED
from assets.figures import curves_figure, intervals_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, not_made, picture
from assets.resources import RAY_RETRIES, LakeResource, RayJobs


class BeautyModelConfig(dg.Config):
    """How the network is trained; the same values give the same weights."""

    architecture: str = Field(default=TrainBeautyModel.architecture, description="Name in the model registry.")
    head: str = Field(default=TrainBeautyModel.head, description="`classifier`, `regressor`, or `auto`: the better.")
    input_size: int = Field(default=TrainBeautyModel.input_size, description="Side of the square input, pixels.")
    epochs: int = Field(default=TrainBeautyModel.epochs, description="Passes over the training photos.")
    maximum_photos: int = Field(default=TrainBeautyModel.maximum_photos, description="Photos to train on at most.")
    batch_size: int = Field(default=TrainBeautyModel.batch_size, description="Photos per step.")
    learning_rate: float = Field(default=TrainBeautyModel.learning_rate, description="Peak learning rate.")
    seed: int = Field(default=TrainBeautyModel.seed, description="Everything random derives from it.")
    initial: str = Field(
        default=TrainBeautyModel.initial,
        description=f"Weights to start from: a version in `{OBJECT_MODELS.key}`, or a file in `checkpoints/` of the "
        "community; empty: random ones.",
    )
    backbone_rate: float = Field(
        default=TrainBeautyModel.backbone_rate, ge=0, description="Factor on the rate of all layers but the last."
    )
    decoder: str = Field(
        default=TrainBeautyModel.decoder,
        description="Empty: photos are decoded on the CPU, now and whenever the model scores; `nvjpeg`: on the GPU.",
    )
    baseline: bool = Field(
        default=TrainBeautyModel.baseline, description="Fit the hand-crafted model too; it is compared, never scores."
    )
    workers: int = Field(
        default=TrainBeautyModel.workers, ge=1, description="Workers; another number gives other weights."
    )


@dg.asset(
    key=BEAUTY_MODELS.key,
    deps=[TRAINING_SET.key, OBJECT_MODELS.key],
    group_name="beauty",
    kinds={"ray", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    description=contract_description(BEAUTY_MODELS),
    metadata=contract_metadata(BEAUTY_MODELS),
    check_specs=[
        dg.AssetCheckSpec(
            "model_separates_low_from_high",
            asset=BEAUTY_MODELS.key,
            description="On photos of users it has never seen, the model tells low from high better than a coin.",
        )
    ],
)
def beauty_model(
    context: dg.AssetExecutionContext, config: BeautyModelConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """Trained network: weights as safetensors in the lake, one row with hash, metrics and configuration.

    Training again on the same labels with the same configuration gives the same version, and is not repeated; a run
    that was killed goes on after its last whole epoch.
    """
    store = lake.open()
    labelled = store.commit_of(TRAINING_SET.key, UNDATED)
    if labelled is None or labelled.rows == 0:
        return not_made(
            BEAUTY_MODELS.key, "there are no labelled images to learn from", "model_separates_low_from_high"
        )
    request = TrainBeautyModel(
        lake_uri=store.uri,
        media_root=lake.landing_folder(),
        num_gpus_per_worker=ray_jobs.gpus(),
        **config.model_dump(),
    )
    return _model_result(ray_jobs.run(context, request))


def _model_result(report: Mapping[str, Any]) -> dg.MaterializeResult:
    metrics: Sequence[Mapping[str, Any]] = report["metrics"]
    by_name = {metric["name"]: metric for metric in metrics}
    accuracy = by_name["accuracy_low_high"]
    return dg.MaterializeResult(
        metadata={
            **_comparison_metadata(report),
            "model_version": report["model_version"],
            "preprocessing_hash": report["preprocessing_hash"],
            "scores_with": report["scores_with"],
            "parameters": report["parameters"],
            "metrics": markdown_table(metrics),
            "learning_curves": picture(curves_figure(report["curves"], "Training by epoch", xlabel="epoch")),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="model_separates_low_from_high",
                passed=beats_a_coin(accuracy),
                severity=severity_of(accuracy),
                description=_verdict(accuracy, report),
                metadata={"accuracy": accuracy["value"], "lower_95": accuracy["lower"], "photos": accuracy["n"]},
            )
        ],
    )


def _comparison_metadata(report: Mapping[str, Any]) -> dict[str, Any]:
    """Classifier, regressor and baseline side by side; a head that a person chose stands without the other."""
    comparison = report.get("comparison")
    heads = comparison["heads"] if comparison else [{"head": report["head"], **metric} for metric in report["metrics"]]
    baseline = report.get("baseline")
    rows = [*heads, *_baseline_rows(baseline)]
    shown = {
        head: {
            row["name"]: (row["value"], row["lower"], row["upper"])
            for row in rows
            if row["head"] == head and row["value"] is not None
        }
        for head in dict.fromkeys(row["head"] for row in rows)
    }
    found: dict[str, Any] = {}
    if len(shown) > 1:
        figure = intervals_figure(shown, "Photos of unseen users, 95 % intervals", "value")
        found = {"compared": markdown_table(rows), "compared_figure": picture(figure)}
    if comparison:
        found |= {
            "winner": f"{comparison['winner']}: {comparison['rule']}",
            "classifier_minus_regressor": markdown_table(comparison["difference"]),
        }
    return found


def _baseline_rows(baseline: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if baseline is None:
        return []
    of = {"head": "hand-crafted baseline", "model_version": baseline["model_version"], "validation_spearman": None}
    return [{**of, **metric} for metric in baseline["metrics"]]


def _verdict(accuracy: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    if accuracy["value"] is None:
        return f"{accuracy['n']} low and high photos of unseen users are too few to tell whether the model has learned"
    found = f"accuracy {accuracy['value']:.2f} (95 %: {accuracy['lower']:.2f} to {accuracy['upper']:.2f})"
    on = f"{found} on {accuracy['n']:,} low and high photos of unseen users"
    if beats_a_coin(accuracy):
        return on
    kept = "" if report["scores_with"] == report["model_version"] else f"; {report['scores_with']} goes on scoring"
    return f"{on}; a coin reaches 0.5: train on more photos or epochs, or land crowd ratings to learn from{kept}"


def severity_of(estimate: Mapping[str, Any]) -> dg.AssetCheckSeverity:
    """Too few photos to tell is a warning; an estimate that says no is an error."""
    return dg.AssetCheckSeverity.WARN if estimate["value"] is None else dg.AssetCheckSeverity.ERROR


ASSETS = [beauty_model]
