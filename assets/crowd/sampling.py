"""Which photos people are asked to judge: a sample stratified by popularity and category.

Popularity is heavy-tailed, so a plain random sample would hold hardly any popular photo. Photos are therefore put into
three buckets of equal width on a logarithmic scale of favorites (*tail*, *torso*, *head*), as in Schifanella, Redi &
Aiello, "An Image is Worth More than a Thousand Favorites" (ICWSM 2015), and the same number is drawn from each bucket
and category. Cells that hold fewer give all they have.

Draws are by a hash of photo and seed, never by a generator's state: the same community gives the same sample, and a
photo that was drawn stays drawn for as long as its cell holds no photo that comes before it.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from assets.contracts.community import FAVORITES, PHOTOS
from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.crowd.scratch import scratch_database

BUCKETS = ("tail", "torso", "head")
"""Popularity, least popular first."""


@dataclass(frozen=True)
class CrowdSampleConfig:
    """How many photos are drawn, and which.

    Attributes:
        photos_per_cell: Photos to draw of each popularity bucket and category.
        seed: Another seed gives another sample and another order.
    """

    photos_per_cell: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a sample of nothing.

        Raises:
            ValueError: ``photos_per_cell`` is below 1.
        """
        if self.photos_per_cell < 1:
            raise ValueError(f"photos_per_cell is {self.photos_per_cell}; it must be at least 1")


@dataclass(frozen=True)
class Cell:
    """One stratum.

    Attributes:
        popularity_bucket: ``tail``, ``torso`` or ``head``.
        category: Subject category.
        photos: Photos there are.
        drawn: Photos drawn.
    """

    popularity_bucket: str
    category: str
    photos: int
    drawn: int


def draw_crowd_sample(lake: Lake, config: CrowdSampleConfig | None = None) -> pa.Table:
    """Draw the photos that people are asked to judge.

    Args:
        lake: The lake; published photos and favorites are read. Favorites of owners on their own photos do not count.
        config: How many are drawn, and which.

    Returns:
        Rows of ``CROWD_SAMPLE``; none where no published photo has an image.
    """
    config = config or CrowdSampleConfig()
    with scratch_database() as connection:
        _stratify(connection, lake)
        rows = connection.execute(
            _DRAWN, {"photos_per_cell": config.photos_per_cell, "seed": str(config.seed)}
        ).to_arrow_table()
    return CROWD_SAMPLE.conform(rows)


def count_cells(lake: Lake, sample: pa.Table) -> list[Cell]:
    """Every cell that holds a photo, with what was drawn of it; by category, least popular first.

    Args:
        lake: The lake; the cells are counted anew, so that a sample which misses one is found out.
        sample: Rows of ``CROWD_SAMPLE``.
    """
    with scratch_database() as connection:
        _stratify(connection, lake)
        connection.register("sample", sample)
        rows = connection.execute(_CELLS).fetchall()
    found = [Cell(bucket, category, photos, drawn) for bucket, category, photos, drawn in rows]
    return sorted(found, key=lambda cell: (cell.category, BUCKETS.index(cell.popularity_bucket)))


def _stratify(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Make the table ``stratified``: photos that can be judged, with favorites, bucket and category."""
    connection.register("photos", lake.dataset(PHOTOS))
    connection.register("favorites", lake.dataset(FAVORITES))
    connection.execute(_STRATIFIED)


_STRATIFIED = """
create temp table stratified as
with received as (
    select favorites.photo_id, count(*) as favorites
    from favorites
    join photos using (photo_id)
    where favorites.removed_at is null and favorites.user_id is distinct from photos.user_id
    group by favorites.photo_id
),
popularity as (
    select
        photos.photo_id,
        coalesce(nullif(photos.category, ''), 'uncategorised') as category,
        coalesce(received.favorites, 0) as favorites
    from photos
    left join received using (photo_id)
    where photos.uri <> '' and photos.deleted_at is null
),
scaled as (
    -- 0 to 3 on a logarithmic scale, rounded so that 1 of 7 favorites is a third; all are tail where nobody has any.
    select *, round(coalesce(3 * ln(1 + favorites) / nullif(max(ln(1 + favorites)) over (), 0), 0), 9) as height
    from popularity
)
select
    photo_id,
    case when height < 1 then 'tail' when height < 2 then 'torso' else 'head' end as popularity_bucket,
    category,
    favorites
from scaled
"""

_DRAWN = """
with ranked as (
    select
        *,
        count(*) over cell as cell_photos,
        row_number() over (cell order by md5($seed || ' draw ' || photo_id), photo_id) as turn
    from stratified
    window cell as (partition by popularity_bucket, category)
)
select
    photo_id,
    popularity_bucket,
    category,
    favorites,
    cell_photos,
    row_number() over (order by md5($seed || ' order ' || photo_id), photo_id) as position
from ranked
where turn <= $photos_per_cell
"""

_CELLS = """
select stratified.popularity_bucket, stratified.category, count(*), count(sample.photo_id)
from stratified
left join sample using (photo_id)
group by all
"""
