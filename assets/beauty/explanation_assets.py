"""Why photos have their scores: saliency with its faithfulness, attributes in words, overlays.

Which photos these are stands in ``explanation_choice.py``, what is said of them in ``explanations.py``, and
``ray_jobs/explain_photos.py`` looks at them.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.beauty.contact_sheet import has_sheet, sheet_name, store_sheet
from assets.beauty.explanation_choice import explain_request, newest_model
from assets.beauty.explanations import estimate_in_words, read_explanations, read_faithfulness, strongest_attributes
from assets.beauty.pruning import prune_explanations
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, TRAINING_SET
from assets.contracts.explanations import PHOTO_EXPLANATIONS
from assets.contracts.lake import Lake
from assets.contracts.requests import ExplainPhotos
from assets.contracts.wording import counted
from assets.figures import intervals_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, not_made, picture
from assets.resources import RAY_RETRIES, LakeResource, RayJobs

_FAITHFUL, _AGREE = "saliency_is_faithful", "attributes_agree_with_the_network"
_GAINS = ("deletion_gain", "insertion_gain")
_AGREEMENT = "attribute_agreement"


class ExplanationConfig(dg.Config):
    """Which photos are explained, and how."""

    photo_ids: list[int] = Field(
        default=[],
        description="Photos to explain, beside those that are; empty: a quarter each from the top, the middle and the "
        "bottom of the scores, and from talented owners whom few have seen.",
    )
    photos: int = Field(default=24, ge=1, description="How many photos are chosen where none is named.")
    method: str = Field(default=ExplainPhotos.method, description="`integrated_gradients` or `occlusion`.")


@dg.asset(
    key=PHOTO_EXPLANATIONS.key,
    deps=[SCORES.key, BEAUTY_MODELS.key, TRAINING_SET.key, "photos", "favorites", "landing"],
    group_name="beauty",
    kinds={"parquet", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
    description=contract_description(PHOTO_EXPLANATIONS),
    metadata={**contract_metadata(PHOTO_EXPLANATIONS), "partitioned_by": "model version"},
    check_specs=[
        dg.AssetCheckSpec(
            _FAITHFUL,
            asset=PHOTO_EXPLANATIONS.key,
            description="Taking away, and putting back, first what the saliency says matters most changes beauty more "
            "than a random order does: the lower ends of both 95 % intervals are above 0.",
        ),
        dg.AssetCheckSpec(
            _AGREE,
            asset=PHOTO_EXPLANATIONS.key,
            description="Spearman's correlation of the network with the model of attributes, on photos of owners that "
            "the latter has not learnt from, is above 0 with 95 % confidence.",
        ),
    ],
)
def photo_explanations(
    context: dg.AssetExecutionContext, config: ExplanationConfig, lake: LakeResource, ray_jobs: RayJobs
) -> dg.MaterializeResult:
    """Explanations by the newest network; those of older ones stay.

    Photos that are explained already by the same labels, code and method are not looked at again. With other ones the
    photos of the rule are explained anew; named photos come beside all that are explained.
    """
    store = lake.open()
    prune_explanations(store)
    try:
        version = newest_model(store)["model_version"]
        request = explain_request(
            store, lake.landing_folder(), version, num_gpus=ray_jobs.gpus(), **config.model_dump()
        )
    except ValueError as error:
        return not_made(PHOTO_EXPLANATIONS.key, str(error), _FAITHFUL, _AGREE)
    report = ray_jobs.run(context, request)
    if report["reason"]:
        return not_made(PHOTO_EXPLANATIONS.key, report["reason"], _FAITHFUL, _AGREE)
    if report["explained"] or not has_sheet(store, version):
        store_sheet(store, version)
    return _explanations_result(store, report)


def _explanations_result(store: Lake, report: Mapping[str, Any]) -> dg.MaterializeResult:
    version = report["model_version"]
    rows = read_explanations(store, version)
    found = read_faithfulness(store, version)
    said = strongest_attributes(store, version)
    known = [found[name] for name in _GAINS if name in found and found[name]["value"] is not None]
    gains = {"gain": {row["measure"]: (row["value"], row["lower"], row["upper"]) for row in known}}
    table = [
        {
            "photo": row["photo_id"],
            "beauty": row["beauty"],
            "by attributes": row["attribute_beauty"],
            "strongest attributes": "; ".join(each["sentence"] for each in said.get(row["photo_id"], ())),
        }
        for row in rows
    ]
    title = "Faithfulness of the saliency (95 % intervals)"
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "model_version": version,
            **{name: report[name] for name in ("explained", "kept", "unreadable", "absent")},
            "contact_sheet": dg.MetadataValue.path(store.location(sheet_name(version))),
            "faithfulness": markdown_table(list(found.values())),
            "gains": picture(intervals_figure(gains, title, "beauty gained on a random order")),
            "photos": markdown_table(table),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_FAITHFUL,
                passed=all(_is_above_zero(found.get(name)) for name in _GAINS),
                severity=dg.AssetCheckSeverity.WARN,
                description=_faithfulness_verdict(found, len(rows)),
                metadata={"photos": len(rows)},
            ),
            dg.AssetCheckResult(
                check_name=_AGREE,
                passed=_is_above_zero(found.get(_AGREEMENT)),
                severity=dg.AssetCheckSeverity.WARN,
                description=_agreement_verdict(found),
                metadata={"photos": found[_AGREEMENT]["photos"] if _AGREEMENT in found else 0},
            ),
        ],
    )


def _is_above_zero(estimate: Mapping[str, Any] | None) -> bool:
    return estimate is not None and estimate["lower"] is not None and estimate["lower"] > 0


def _faithfulness_verdict(found: Mapping[str, Mapping[str, Any]], photos: int) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {estimate_in_words(found.get(name))}" for name in _GAINS)
    measured = f"{said}, in beauty, over a random order, on {counted(photos, 'explained photo')}"
    if all(_is_above_zero(found.get(name)) for name in _GAINS):
        return measured
    return f"{measured}: do not read the overlays as what the network looks at; try the other method or more photos"


def _agreement_verdict(found: Mapping[str, Mapping[str, Any]]) -> str:
    said = f"Spearman of network and model of attributes {estimate_in_words(found.get(_AGREEMENT), 2)}"
    if _is_above_zero(found.get(_AGREEMENT)):
        return said
    return f"{said}: the sentences tell what raises the score of another model, not of this network"


ASSETS = [photo_explanations]
