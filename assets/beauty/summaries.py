"""What the beauty assets say of their months: how scores are distributed, and what has no score."""

from dataclasses import dataclass

import duckdb

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake

_BINS = 20


@dataclass(frozen=True)
class Histogram:
    """Counts of scores in equal bins of [0, 1].

    Attributes:
        edges: Bin edges, one more than counts.
        counts: Photos per bin.
        photos: All photos.
    """

    edges: list[float]
    counts: list[int]
    photos: int


def score_histogram(lake: Lake, months: list[str], model_version: str) -> Histogram:
    """Distribution of b(p) over the months; all versions together where the version has no row."""
    with duckdb.connect() as connection:
        connection.register("scores", lake.dataset(SCORES, months))
        rows = connection.execute(
            """
            select least(cast(floor(beauty * $bins) as integer), $bins - 1) as bin, count(*) as photos
            from scores
            where model_version = $version
                or not exists (select 1 from scores as own where own.model_version = $version)
            group by bin
            """,
            {"bins": _BINS, "version": model_version},
        ).fetchall()
    counts = [0] * _BINS
    for position, photos in rows:
        counts[position] = photos
    return Histogram([position / _BINS for position in range(_BINS + 1)], counts, sum(counts))


def unscorable_share(lake: Lake, months: list[str], model_version: str) -> float:
    """Share of the images that this version has looked at and could not score; 0 where it has looked at none."""
    import pyarrow.dataset as ds  # loads pandas, which costs seconds

    ours = ds.field("model_version") == model_version
    broken = lake.dataset(UNSCORABLE_PHOTOS, months).count_rows(filter=ours)
    scored = lake.dataset(SCORES, months).count_rows(filter=ours)
    return broken / (broken + scored) if broken else 0.0


def unscored_photos(lake: Lake, months: list[str], model_version: str) -> int:
    """Published photos with an image that this version has neither scored nor quarantined."""
    with duckdb.connect() as connection:
        connection.register("photos", lake.dataset(PHOTOS, months))
        connection.register("scores", lake.dataset(SCORES, months))
        connection.register("unscorable", lake.dataset(UNSCORABLE_PHOTOS, months))
        found = connection.execute(
            """
            select count(*) from photos
            where uri <> ''
                and photo_id not in (select photo_id from scores where model_version = $version)
                and photo_id not in (select photo_id from unscorable where model_version = $version)
            """,
            {"version": model_version},
        ).fetchone()
    return 0 if found is None else int(found[0])
