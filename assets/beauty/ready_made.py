"""Ready-made scores: what a source says of its photos, published beside the scores of our own models."""

import duckdb
import pyarrow as pa

from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.landed import landed_sources
from assets.contracts.provenance import code_version_of

_CODE = code_version_of(__name__)

_NAMES = ", ".join(SCORES.schema.names)
# Versions that our own jobs give: trained models, and their out-of-fold twins of cross-validation.
_IS_OURS = """
(model_version in (select model_version from beauty_model) or regexp_matches(model_version, '-cv[0-9]+-[0-9a-f]+$'))
"""
_OURS = f"select {_NAMES} from scores where photo_id in (select photo_id from photos) and {_IS_OURS}"  # noqa: S608 (names come from the contract)
# The photo says when, whatever a source says; of two sources the last by name counts, as everywhere.
_READY_MADE = f"""
create temp table ready_made as
select {_NAMES.replace("uploaded_at", "photos.uploaded_at").replace("photo_id", "landed.photo_id")}, photos.month
from landed inner join photos on landed.photo_id = photos.photo_id
where not {_IS_OURS}
qualify row_number() over (partition by landed.photo_id, model_version order by landed.source desc) = 1
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
    a source no longer says, what was written before a column became required, and what bears the name of a model of
    our own. A month without news is left alone.

    Returns:
        Number of ready-made rows in the months.
    """
    sources = [zone for zone in landed_sources(lake).values() if zone.partitions(SCORES.key)]
    scored = set(lake.partitions(SCORES.key))
    published = [m for m in months if (sources or m in scored) and lake.commit_of(PHOTOS.key, m) is not None]
    if not published:
        return 0
    with scratch_database() as connection:
        connection.register("beauty_model", lake.dataset(BEAUTY_MODELS))
        _match(connection, lake, sources, published)
        return sum(_publish_month(connection, lake, month) for month in published)


def _match(connection: duckdb.DuckDBPyConnection, lake: Lake, sources: list[Lake], months: list[str]) -> None:
    """Make the table ``ready_made``: all landed scores of the months' photos, once for all months."""
    photos = []
    for position, month in enumerate(months):
        connection.register(f"photos_{position}", lake.dataset(PHOTOS, [month]))
        photos.append(f"select photo_id, uploaded_at, '{month}' as month from photos_{position}")  # noqa: S608 (our own names)
    connection.execute(f"create temp table photos as {' union all '.join(photos)}")
    connection.register("nothing", SCORES.schema.empty_table())
    landed = [f"select {_NAMES}, -1 as source from nothing"]  # noqa: S608 (names come from the contract)
    for position, source in enumerate(sources):
        connection.register(f"landed_{position}", source.dataset(SCORES).filter(SCORES.is_complete))
        landed.append(f"select {_NAMES}, {position} as source from landed_{position}")  # noqa: S608 (as above)
    connection.execute(f"create temp view landed as {' union all '.join(landed)}")
    connection.execute(_READY_MADE)
    connection.execute("drop table photos")


def _publish_month(connection: duckdb.DuckDBPyConnection, lake: Lake, month: str) -> int:
    connection.register("photos", lake.dataset(PHOTOS, [month]))
    connection.register("scores", lake.dataset(SCORES, [month]))
    kept = SCORES.conform(connection.execute(_OURS).to_arrow_table()).filter(SCORES.is_complete)
    of_month = f"select {_NAMES} from ready_made where month = $month"  # noqa: S608 (names come from the contract)
    ready_made = SCORES.conform(connection.execute(of_month, {"month": month}).to_arrow_table())
    rows = pa.concat_tables([kept, ready_made])
    before = lake.commit_of(SCORES.key, month)
    if not rows.num_rows:
        lake.drop(SCORES.key, month)
        return 0
    staged = lake.stage(SCORES, month, rows)
    if before is None or before.sha256 != staged.sha256:
        lake.commit(staged, code_version=_CODE, inputs=lake.fingerprints(PHOTOS.key, [month]))
    return ready_made.num_rows
