"""Scores of photos that people have judged, by trained models other than the one that scores everything.

`beauty_evaluation` holds them beside it: the regression variant, the hand-crafted baseline, and models that scored
before. They stand in a zone of the lake, by model version; no mart reads them.
"""

from typing import Any

import dagster as dg

from assets.beauty.scratch import scratch_database
from assets.beauty.summaries import score_histogram
from assets.contracts.beauty import BASELINE, BEAUTY_MODELS, JUDGED_ZONE, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.crowd import LABELS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.requests import ScoreSample
from assets.contracts.wording import counted
from assets.figures import histogram_figure
from assets.metadata import OWNERS, markdown_table, picture
from assets.resources import RAY_RETRIES, LakeResource, RayJobs

MOST_PHOTOS = 5_000
"""Judged photos that are scored at most: enough for intervals of a hundredth."""
MOST_MODELS = 3
"""Models that are compared at most, the newest; the baseline comes on top."""


@dg.asset(
    deps=[BEAUTY_MODELS.key, PHOTO_RATINGS.key, LABELS.key, PHOTOS.key, "landing"],
    group_name="beauty",
    kinds={"parquet", "torch"},
    owners=OWNERS,
    pool="gpu",
    retry_policy=RAY_RETRIES,
)
def judged_scores(context: dg.AssetExecutionContext, lake: LakeResource, ray_jobs: RayJobs) -> dg.MaterializeResult:
    """Judged photos, at most 5,000 drawn by their ids, as up to three other models and the baseline score them.

    A model scores a photo once; without news no job is started.
    """
    store = lake.open()
    photos = judged_images(store)
    rows = []
    for version in other_versions(store):
        if photos and not set(photos) <= _seen(store, version):
            request = ScoreSample(
                lake_uri=store.uri,
                media_root=lake.landing_folder(),
                photo_ids=photos,
                zone=JUDGED_ZONE,
                model_version=version,
                is_fresh=False,
                num_gpus=ray_jobs.gpus(),
            )
            ray_jobs.run(context, request)
        rows.append({"model_version": version, "scores": store.zone(JUDGED_ZONE).read(SCORES, [version]).num_rows})
    context.log.info(f"{counted(len(photos), 'judged photo')}, {counted(len(rows), 'other model')}")
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(row["scores"] for row in rows),
        "scores": markdown_table(rows),
    }
    for row in rows[:1]:
        version = row["model_version"]
        drawn = score_histogram(store.zone(JUDGED_ZONE), [version], version)
        title = f"Judged photos, as {version} scores them"
        metadata["newest"] = picture(histogram_figure(drawn.edges, drawn.counts, title, "b(p)"))
    return dg.MaterializeResult(metadata=metadata)


def judged_images(lake: Lake) -> list[int]:
    """Ids of public photos with an image that people have rated or labelled, ascending."""
    with scratch_database() as connection:
        for contract in (PHOTOS, PHOTO_RATINGS, LABELS):
            connection.register(contract.key, lake.dataset(contract))
        rows = connection.execute(
            """
            select photo_id
            from photos
            where is_public and uri <> ''
                and (photo_id in (select photo_id from photo_ratings) or photo_id in (select photo_id from labels))
            order by md5(photo_id::varchar)
            limit $most
            """,
            {"most": MOST_PHOTOS},
        ).fetchall()
    return sorted(int(photo_id) for (photo_id,) in rows)


def other_versions(lake: Lake) -> list[str]:
    """The newest trained models but the one that scores everything, newest first, and the newest baseline."""
    columns = ["model_version", "sequence", "architecture"]
    rows: list[dict[str, Any]] = lake.read(BEAUTY_MODELS, columns=columns).to_pylist()
    others = sorted(rows, key=lambda row: -int(row["sequence"]))[1:]
    # A new baseline stands behind all that are there.
    baselines = [row for row in others if row["architecture"] == BASELINE][-1:]
    chosen = [row for row in others if row not in baselines][:MOST_MODELS] + baselines
    return [str(row["model_version"]) for row in chosen]


def _seen(lake: Lake, version: str) -> set[int]:
    zone = lake.zone(JUDGED_ZONE)
    found = (zone.read(contract, [version])["photo_id"].to_pylist() for contract in (SCORES, UNSCORABLE_PHOTOS))
    return {photo for ids in found for photo in ids}


ASSETS = [judged_scores]
