"""Object pretraining: networks that learn to name objects before they learn beauty, as the paper's does.

The training stands in ``ray_jobs/pretrain_objects.py``. Nothing learns objects unless a person asks for it, in the
launchpad of `pretrain_objects`; a beauty network starts from one where `initial` of its configuration names it.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.lake import Lake
from assets.contracts.objects import OBJECT_MODELS, examples_name
from assets.contracts.requests import PretrainObjects
from assets.figures import curves_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, picture
from assets.resources import RAY_RETRIES, LakeResource, RayJobs

_RECOGNISED = "objects_are_recognised_beyond_chance"


class ObjectPretrainingConfig(dg.Config):
    """What a network learns objects from, and how; the same values give the same weights."""

    images: list[str] = Field(
        default=[],
        description="A folder with one sub-folder per class, or WebDataset tar shards (`KEY.jpg` and `KEY.cls`); "
        "relative paths start at the landing folder. Empty: the community's own photos with their categories.",
    )
    architecture: str = Field(default=PretrainObjects.architecture, description="Name in the model registry.")
    input_size: int = Field(default=PretrainObjects.input_size, description="Side of the square input, pixels.")
    epochs: int = Field(default=PretrainObjects.epochs, description="Passes over the training images.")
    batch_size: int = Field(default=PretrainObjects.batch_size, description="Images per step.")
    learning_rate: float = Field(default=PretrainObjects.learning_rate, description="Peak learning rate.")
    validation_share: float = Field(
        default=PretrainObjects.validation_share,
        gt=0,
        lt=1,
        description="Share that is held out: of each class, or of the owners of the community's photos.",
    )
    seed: int = Field(default=PretrainObjects.seed, description="Everything random derives from it.")
    workers: int = Field(
        default=PretrainObjects.workers, ge=1, description="Workers; another number gives other weights."
    )


@dg.asset(
    key=OBJECT_MODELS.key,
    deps=["photos", "landing"],
    group_name="beauty",
    kinds={"ray", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    description=contract_description(OBJECT_MODELS),
    metadata=contract_metadata(OBJECT_MODELS),
    check_specs=[
        dg.AssetCheckSpec(
            _RECOGNISED,
            asset=OBJECT_MODELS.key,
            description="Of images that were held out, more are named rightly than if the most frequent object were "
            "named always: the lower end of the 95 % interval of the accuracy is above that.",
        )
    ],
)
def object_model(
    context: dg.AssetExecutionContext, config: ObjectPretrainingConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """Networks that name objects, older ones kept; weights as safetensors in the lake.

    Training again on the same images with the same configuration gives the same version, and is not repeated; a run
    that was killed goes on after its last whole epoch.
    """
    store = lake.open()
    request = PretrainObjects(
        lake_uri=store.uri,
        media_root=lake.landing_folder(),
        num_gpus_per_worker=ray_jobs.gpus(),
        **config.model_dump(),
    )
    return _object_result(store, ray_jobs.run(context, request))


def _object_result(store: Lake, report: Mapping[str, Any]) -> dg.MaterializeResult:
    examples = store.get_bytes(examples_name(report["model_version"]))
    told = ("model_version", "preprocessing_hash", "parameters", "training_images", "unreadable_images")
    lower, chance = report["lower"], report["chance_accuracy"]
    return dg.MaterializeResult(
        metadata={
            **{name: report[name] for name in told},
            "accuracy": _in_words(report),
            "learning_curves": picture(curves_figure(report["curves"], "Object pretraining by epoch", xlabel="epoch")),
            "classes": markdown_table(report["by_class"]),
            **({"examples_by_class": picture(examples)} if examples else {}),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_RECOGNISED,
                passed=lower is not None and lower > chance,
                severity=dg.AssetCheckSeverity.WARN if lower is None else dg.AssetCheckSeverity.ERROR,
                description=_verdict(report),
                metadata={"accuracy": report["accuracy"], "lower_95": lower, "images": report["held_out_images"]},
            )
        ],
    )


def _in_words(report: Mapping[str, Any]) -> str:
    if report["accuracy"] is None:
        return f"unknown: {report['held_out_images']} images were held out"
    interval = f"(95 %: {report['lower']:.2f} to {report['upper']:.2f})"
    return f"{report['accuracy']:.2f} {interval} on {report['held_out_images']:,} images"


def _verdict(report: Mapping[str, Any]) -> str:
    if report["accuracy"] is None:
        return f"{report['held_out_images']} held-out images are too few to tell whether the network has learned"
    found = f"accuracy {_in_words(report)}; naming the most frequent object reaches {report['chance_accuracy']:.2f}"
    return found if report["lower"] > report["chance_accuracy"] else f"{found}: train on more images or epochs"


ASSETS = [object_model]
