"""Ready-made scores: what a source says of its photos, published beside the scores of our own models."""

import duckdb
import pyarrow as pa

from assets.contracts.beauty import BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.landed import landed_sources
from assets.contracts.provenance import code_version_of
from assets.contracts.table import UNDATED

_CODE = code_version_of(__name__)

_NAMES = ", ".join(SCORES.schema.names)
# Versions that our own jobs gave: trained models, and their out-of-fold twins of cross-validation.
_OURS = f"""
select {_NAMES} from scores
where
    photo_id in (select photo_id from photos)
    and (
        model_version in (select model_version from beauty_model)
        or regexp_matches(model_version, '-cv[0-9]+-[0-9a-f]+$')
    )
"""  # noqa: S608 (names come from the contract)
_READY_MADE = f"""
select {_NAMES.replace("uploaded_at", "photos.uploaded_at").replace("photo_id", "landed.photo_id")}
from landed inner join photos on landed.photo_id = photos.photo_id
"""  # noqa: S608 (names come from the contract)


def withdraw_scores_without_photos(lake: Lake, months: list[str]) -> None:
    """Drop what is said of months that no longer publish any photo, such as after the last owner opted out."""
    for month in months:
        if lake.commit_of(PHOTOS.key, month) is None:
            lake.drop(SCORES.key, month)
            lake.drop(UNSCORABLE_PHOTOS.key, month)


def publish_ready_made_scores(lake: Lake, months: list[str]) -> int:
    """Put landed scores of published photos into the months of ``scores``; those of our own models stay.

    Scores of photos that are not published (private, owner not opted in, unknown) are left out, and so is what
    a source no longer says, and what was written before a column became required. A month without news is left alone.

    Returns:
        Number of ready-made rows in the months.
    """
    sources = [zone for zone in landed_sources(lake).values() if zone.partitions(SCORES.key)]
    scored = set(lake.partitions(SCORES.key))
    return sum(_publish_month(lake, sources, month) for month in months if sources or month in scored)


def _publish_month(lake: Lake, sources: list[Lake], month: str) -> int:
    if lake.commit_of(PHOTOS.key, month) is None:
        return 0
    with duckdb.connect() as connection:
        connection.register("photos", lake.dataset(PHOTOS, [month]))
        connection.register("scores", lake.dataset(SCORES, [month]))
        connection.register("beauty_model", lake.dataset(BEAUTY_MODELS))
        kept = SCORES.conform(connection.execute(_OURS).to_arrow_table()).filter(SCORES.is_complete)
        ready_made = SCORES.schema.empty_table()
        if sources:
            connection.register("landed", pa.concat_tables([_landed_rows(zone, month) for zone in sources]))
            ready_made = SCORES.conform(connection.execute(_READY_MADE).to_arrow_table())
    rows = pa.concat_tables([kept, ready_made])
    before = lake.commit_of(SCORES.key, month)
    if not rows.num_rows:
        lake.drop(SCORES.key, month)
        return 0
    staged = lake.stage(SCORES, month, rows)
    if before is None or before.sha256 != staged.sha256:
        lake.commit(staged, code_version=_CODE, inputs=lake.fingerprints(PHOTOS.key, [month]))
    return ready_made.num_rows


def _landed_rows(source: Lake, month: str) -> pa.Table:
    """Scores may land without upload times, so the undated ones are candidates for every month."""
    return source.read(SCORES, sorted({month, UNDATED}))
