"""Ready-made scores: what a source says of its photos, published beside the scores of our own models."""

import duckdb
import pyarrow as pa

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.table import UNDATED

_CODE = code_version_of(__name__)


def withdraw_scores_without_photos(lake: Lake, months: list[str]) -> None:
    """Drop what is said of months that no longer publish any photo, such as after the last owner opted out."""
    for month in months:
        if lake.commit_of(PHOTOS.key, month) is None:
            lake.drop(SCORES.key, month)
            lake.drop(UNSCORABLE_PHOTOS.key, month)


def publish_ready_made_scores(lake: Lake, months: list[str]) -> int:
    """Put landed scores of published photos into the months of ``scores``; other versions stay.

    Scores of photos that are not published (private, owner not opted in, unknown) are left out. A month
    whose landed scores have not changed is left alone.

    Returns:
        Number of ready-made rows in the months that were written.
    """
    sources = [name for name in lake.zones("landed") if lake.zone(f"landed/{name}").partitions(SCORES.key)]
    return sum(_publish_month(lake, sources, month) for month in months) if sources else 0


def _publish_month(lake: Lake, sources: list[str], month: str) -> int:
    if lake.commit_of(PHOTOS.key, month) is None:
        return 0
    landed = [_landed_rows(lake, source, month) for source in sources]
    ours = lake.read(SCORES, [month])
    with duckdb.connect() as connection:
        connection.register("photos", lake.dataset(PHOTOS, [month]))
        connection.register("landed", pa.concat_tables(landed))
        connection.register("ours", ours)
        names = ", ".join(SCORES.schema.names)
        ready_made = connection.execute(
            f"select {_with_upload_time()} from landed join photos using (photo_id)"  # noqa: S608 (contract names)
        ).to_arrow_table()
        connection.register("ready_made", ready_made)
        kept = connection.execute(
            f"select {names} from ours "  # noqa: S608 (contract names)
            "where model_version not in (select distinct model_version from ready_made)"
        ).to_arrow_table()
    if not ready_made.num_rows:
        return 0
    rows = pa.concat_tables([SCORES.conform(kept), SCORES.conform(ready_made)])
    before = lake.commit_of(SCORES.key, month)
    staged = lake.stage(SCORES, month, rows)
    if before is None or before.sha256 != staged.sha256:
        lake.commit(staged, code_version=_CODE, inputs=lake.fingerprints(PHOTOS.key, [month]))
    return ready_made.num_rows


def _landed_rows(lake: Lake, source: str, month: str) -> pa.Table:
    """Scores may land without upload times, so the undated ones are candidates for every month."""
    return lake.zone(f"landed/{source}").read(SCORES, sorted({month, UNDATED}))


def _with_upload_time() -> str:
    return ", ".join(
        "photos.uploaded_at" if name == "uploaded_at" else f"landed.{name}" for name in SCORES.schema.names
    )
