"""Explain photos of one network and put rows and overlays into the lake, where others of the same making stay.

They are dozens, so one process does it, without Ray. What is done to them stands in ``photo_explainer.py``. Each
network has a partition of its own. A photo counts as explained while labels, code and method are those that explained
it; otherwise the photos that are asked for are explained anew, and others of this network leave.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.contracts.beauty import TRAINING_SET
from assets.contracts.community import PHOTOS
from assets.contracts.explanations import (
    EXPLANATION_FAITHFULNESS,
    PHOTO_ATTRIBUTES,
    PHOTO_EXPLANATIONS,
    overlay_folder,
    overlay_name,
)
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import ExplainPhotos
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import find_model, read_weights

if TYPE_CHECKING:
    from models.evaluation import Estimate
    from ray_jobs.photo_explainer import Explained, PhotoExplainer

CODE = (
    "assets.contracts.photo_files",
    "models.attributes",
    "models.decoding",
    "models.evaluation",
    "models.explanations",
    "models.handcrafted",
    "models.heads",
    "models.overlays",
    "models.preprocessing",
    "models.training",
    "ray_jobs.explain_photos",
    "ray_jobs.photo_explainer",
    "ray_jobs.photo_source",
    "ray_jobs.prepared_photos",
)
"""Modules that decide what is written."""

_METHODS = ("integrated_gradients", "occlusion")


def run(request: ExplainPhotos, report: Report = silent) -> dict[str, Any]:
    """Explain the photos that are not explained yet.

    Where there is none, torch is not imported and nothing is written.

    Returns:
        ``model_version``, ``explained`` (in this run), ``kept`` (photos asked for that were explained before),
        ``unreadable``, ``absent`` (not published, or without an image), and ``reason``: why nothing can be explained,
        empty if it can.

    Raises:
        LakeError: There is no such model, or its weights are gone or changed.
        ValueError: There is no such method, or ``learning_photos`` is below 1.
    """
    if request.method not in _METHODS or request.learning_photos < 1:
        raise ValueError(
            f"method is {request.method!r} and learning_photos {request.learning_photos}; choose one of {_METHODS} "
            "and at least 1"
        )
    lake = Lake(request.lake_uri)
    row = find_model(lake, request.model_version)
    photos = _photos(lake, request.photo_ids)
    kept = _explained_before(lake, request, row)
    pending = photos.filter(pc.invert(pc.is_in(photos["photo_id"], value_set=kept["photo_id"])))
    result = {
        "model_version": row["model_version"],
        "explained": 0,
        "kept": photos.num_rows - pending.num_rows,
        "unreadable": 0,
        "absent": len(set(request.photo_ids)) - photos.num_rows,
        "reason": "",
    }
    if pending.num_rows:
        result |= _explain(lake, request, row, kept, pending)
    report(f"{row['model_version']}: {result['explained']:,} photos explained, {result['kept']:,} were before")
    return result


def _photos(lake: Lake, photo_ids: list[int]) -> pa.Table:
    wanted = pa.array(sorted(set(photo_ids)), pa.int64())
    usable = ds.field("photo_id").isin(wanted) & ds.field("is_public") & (ds.field("uri") != "")
    rows = lake.dataset(PHOTOS).to_table(columns=["photo_id", "user_id", "uri"], filter=usable)
    return rows.sort_by("photo_id").combine_chunks()


def _explained_before(lake: Lake, request: ExplainPhotos, row: dict[str, Any]) -> pa.Table:
    """Rows of ``photo_explanations`` of this network that need not be made again."""
    inputs = _inputs(lake, request, row)
    version = row["model_version"]
    if not lake.is_current(PHOTO_EXPLANATIONS, version, code_version=code_version_of(*CODE), inputs=inputs):
        return PHOTO_EXPLANATIONS.schema.empty_table()
    return lake.read(PHOTO_EXPLANATIONS, [version])


def _inputs(lake: Lake, request: ExplainPhotos, row: dict[str, Any]) -> dict[str, str]:
    return {
        f"beauty_model/{row['model_version']}": row["weights_sha256"],
        **lake.fingerprints(TRAINING_SET.key),
        "method": request.method,
        "learning_photos": f"{request.learning_photos} by {request.seed}",
    }


def _explain(
    lake: Lake, request: ExplainPhotos, row: dict[str, Any], kept: pa.Table, pending: pa.Table
) -> dict[str, Any]:
    from ray_jobs.photo_explainer import CannotExplain, PhotoExplainer

    # Before anything is read: what was labelled anew meanwhile must not pass for what was learnt from.
    inputs = _inputs(lake, request, row)
    try:
        explainer = PhotoExplainer(
            read_weights(lake, row),
            request.media_root,
            _labelled(lake, request),
            request.method,
            seed=request.seed,
            device="cuda" if request.num_gpus else "cpu",
        )
    except CannotExplain as error:
        return {"reason": str(error)}
    found = explainer(pending)
    if found.photos:
        _publish(lake, request, row, inputs, kept, found, explainer)
    return {"explained": len(found.photos), "unreadable": len(found.unreadable)}


def _labelled(lake: Lake, request: ExplainPhotos) -> pa.Table:
    """Photos of the split ``train``, at most as many as asked for, drawn at random but the same for the same seed."""
    columns = ["photo_id", "user_id", "uri", "bucket"]
    rows = lake.dataset(TRAINING_SET).to_table(columns=columns, filter=ds.field("split") == "train")
    order = np.random.default_rng(request.seed).permutation(rows.num_rows)
    return rows.take(np.sort(order[: request.learning_photos]))


def _publish(
    lake: Lake,
    request: ExplainPhotos,
    row: dict[str, Any],
    inputs: dict[str, str],
    kept: pa.Table,
    found: "Explained",
    explainer: "PhotoExplainer",
) -> None:
    """Overlays first, and last the table that tells that all is done."""
    version = row["model_version"]
    for photo_id, png in found.overlays.items():
        lake.put_bytes(overlay_name(version, photo_id), png)
    texts = {"model_version": version, "method": request.method}
    explained = [
        *kept.to_pylist(),
        *(
            {**_without(each, "user_id"), **texts, "overlay": overlay_name(version, each["photo_id"])}
            for each in found.photos
        ),
    ]
    before = lake.read(PHOTO_ATTRIBUTES, [version]).to_pylist() if kept.num_rows else []
    attributes = [*before, *({**each, "model_version": version} for each in found.attributes)]
    agreement = explainer.agreement(_photos(lake, request.compared_ids))
    measures = _measures(lake, explained) | {"attribute_agreement": agreement}
    faithfulness = [_measure_row(version, name, estimate) for name, estimate in measures.items()]
    for contract, rows in (
        (PHOTO_ATTRIBUTES, attributes),
        (EXPLANATION_FAITHFULNESS, faithfulness),
        (PHOTO_EXPLANATIONS, explained),
    ):
        table = pa.Table.from_pylist(rows, schema=contract.schema)
        lake.write(contract, version, table, code_version=code_version_of(*CODE), inputs=inputs)
    _forget_overlays(lake, version, {each["overlay"] for each in explained})


def _measures(lake: Lake, explained: list[dict[str, Any]]) -> dict[str, "Estimate"]:
    """Mean gains of all explained photos; intervals draw whole owners."""
    from models.evaluation import bootstrapped, owners

    ids = [each["photo_id"] for each in explained]
    photos = _photos(lake, ids)
    user_of = dict(zip(photos["photo_id"].to_pylist(), photos["user_id"].to_pylist(), strict=True))
    groups = owners([user_of.get(photo_id) for photo_id in ids], ids)
    return {
        name: bootstrapped(_mean, np.array([each[name] for each in explained]), groups=groups)
        for name in ("deletion_gain", "insertion_gain")
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _measure_row(version: str, name: str, estimate: "Estimate") -> dict[str, Any]:
    numbers = {"value": estimate.value, "lower": estimate.lower, "upper": estimate.upper, "photos": estimate.n}
    return {"model_version": version, "measure": name, **numbers}


def _forget_overlays(lake: Lake, version: str, named: set[str]) -> None:
    for name in lake.names(overlay_folder(version)):
        if name not in named:
            lake.delete(name)


def _without(row: dict[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}


if __name__ == "__main__":
    raise SystemExit(main(run, ExplainPhotos))
