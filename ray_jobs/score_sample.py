"""Score a few photos beside the months: rated ones to calibrate on, or a random sample to see whether scores drift.

Some hundreds or thousands of photos take seconds, so they are scored in this process, on its CPUs and without Ray;
``photo_scorer.py`` is what the actors of ``score_photos.py`` run too. The rows stay out of the published months.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.requests import ScoreSample
from assets.contracts.table import TableContract
from ray_jobs.entry import Report, main, silent
from ray_jobs.model_store import find_model, read_weights
from ray_jobs.parts import PART_SCHEMA

CODE = (
    "assets.contracts.photo_files",
    "models.decoding",
    "models.pipeline",
    "models.preprocessing",
    "models.scorer",
    "ray_jobs.photo_scorer",
    "ray_jobs.photo_source",
    "ray_jobs.score_sample",
)
"""Modules that decide what is written."""


def run(request: ScoreSample, report: Report = silent) -> dict[str, Any]:
    """Score the photos and write their rows into the zone.

    Where nothing is left to score, torch is not imported; where nothing is new, nothing is written.

    Returns:
        ``model_version``, ``scored`` (looked at in this run), ``kept`` (scores that the zone held already),
        ``unscorable``, and ``absent``: photos that are not published or have no image.

    Raises:
        LakeError: There is no such model, or its weights are gone or changed.
        ValueError: ``batch_size`` is below 1.
    """
    if request.batch_size < 1:
        raise ValueError(f"batch_size is {request.batch_size}; it must be >= 1")
    lake = Lake(request.lake_uri)
    zone = lake.zone(request.zone)
    row = find_model(lake, request.model_version)
    photos = _photos(lake, request.photo_ids)
    kept = _kept(zone, row, photos, request.is_fresh)
    pending = photos.filter(pc.invert(pc.is_in(photos["photo_id"], value_set=kept["photo_id"])))
    results = _score(lake, request, row, pending)
    failed = results.filter(pc.is_valid(results["reason"]))
    scored = results.filter(pc.is_null(results["reason"]))
    _write(zone, row, UNSCORABLE_PHOTOS, _rows(row, UNSCORABLE_PHOTOS, failed))
    _write(zone, row, SCORES, pa.concat_tables([_rows(row, SCORES, scored), kept]))
    report(f"{row['model_version']}: {scored.num_rows:,} photos of {photos.num_rows:,} scored")
    return {
        "model_version": row["model_version"],
        "scored": scored.num_rows,
        "kept": kept.num_rows,
        "unscorable": failed.num_rows,
        "absent": len(set(request.photo_ids)) - photos.num_rows,
    }


def _photos(lake: Lake, photo_ids: list[int]) -> pa.Table:
    wanted = pa.array(sorted(set(photo_ids)), pa.int64())
    usable = ds.field("photo_id").isin(wanted) & ds.field("is_public") & (ds.field("uri") != "")
    rows = lake.dataset(PHOTOS).to_table(columns=["photo_id", "uploaded_at", "uri"], filter=usable)
    return rows.sort_by("photo_id").combine_chunks()


def _kept(zone: Lake, row: dict[str, Any], photos: pa.Table, is_fresh: bool) -> pa.Table:
    """Scores in the zone by the same weights, preprocessing and code, of photos that are asked for."""
    version = row["model_version"]
    code_version = code_version_of(*CODE)
    if is_fresh or not zone.is_current(SCORES, version, code_version=code_version, inputs=_inputs(row)):
        return SCORES.schema.empty_table()
    rows = zone.read(SCORES, [version])
    return rows.filter(pc.is_in(rows["photo_id"], value_set=photos["photo_id"]))


def _score(lake: Lake, request: ScoreSample, row: dict[str, Any], pending: pa.Table) -> pa.Table:
    if not pending.num_rows:
        return PART_SCHEMA.empty_table()
    from models.scorer import ScorerConfig
    from ray_jobs.cluster import usable_cpus
    from ray_jobs.photo_scorer import PhotoScorer

    config = ScorerConfig(device="cuda" if request.num_gpus else "cpu")
    weights, decoders = read_weights(lake, row), usable_cpus()
    return PhotoScorer(weights, request.media_root, config, request.batch_size, decoders)(pending)


def _rows(row: dict[str, Any], contract: TableContract, results: pa.Table) -> pa.Table:
    for name in ("model_version", "preprocessing_hash"):
        results = results.append_column(name, pa.array([row[name]] * results.num_rows, pa.string()))
    return contract.conform(results.select([name for name in contract.schema.names if name in results.schema.names]))


def _write(zone: Lake, row: dict[str, Any], contract: TableContract, rows: pa.Table) -> None:
    """Replace what the zone holds of this model version."""
    zone.write(contract, row["model_version"], rows, code_version=code_version_of(*CODE), inputs=_inputs(row))


def _inputs(row: dict[str, Any]) -> dict[str, str]:
    return {f"beauty_model/{row['model_version']}": row["weights_sha256"], "preprocessing": row["preprocessing_hash"]}


if __name__ == "__main__":
    raise SystemExit(main(run, ScoreSample))
