"""Mean rating of each photo by accepted raters, with its standard error, and on a scale of 0 to 1."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.contracts.crowd import CROWD_RATINGS
from assets.contracts.crowd_results import PHOTO_RATINGS, RATER_QUALITY
from assets.contracts.lake import Lake

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class PhotoRatingsConfig:
    """How ratings become a number per photo.

    Attributes:
        scale_max: Highest answer of the scale; 0 takes the highest that any rater gave. Name it where nobody may have
            chosen the highest level. Ratings on different scales cannot be told apart: land one scale per community.
    """

    scale_max: int = 0


def accepted_ratings(lake: Lake) -> "pl.DataFrame":
    """``photo_id``, ``rater_id``, ``rating`` and ``is_accepted`` of all ratings but gold questions, sorted by key.

    Raters whom ``rater_quality`` does not know yet are not accepted.
    """
    import polars as pl

    ratings = lake.scan(CROWD_RATINGS).filter(~pl.col("is_gold")).select("photo_id", "rater_id", "rating")
    quality = lake.scan(RATER_QUALITY).select("rater_id", "is_accepted")
    joined = ratings.join(quality, "rater_id", how="left").with_columns(pl.col("is_accepted").fill_null(False))
    return joined.sort("photo_id", "rater_id").collect()


def rate_photos(lake: Lake, config: PhotoRatingsConfig | None = None) -> pa.Table:
    """Mean accepted rating of every rated photo.

    Args:
        lake: The lake; crowd ratings and rater quality are read.
        config: The scale.

    Returns:
        Rows of ``PHOTO_RATINGS``; photos that only excluded raters saw have none.

    Raises:
        ValueError: An answer lies above the configured scale.
    """
    import polars as pl

    config = config or PhotoRatingsConfig()
    ratings = accepted_ratings(lake)
    highest = int(lake.scan(CROWD_RATINGS).select(pl.col("rating").max()).collect().item() or 0)
    if config.scale_max and highest > config.scale_max:
        raise ValueError(
            f"crowd_ratings.rating reaches {highest}, above the configured scale_max {config.scale_max}; "
            "correct scale_max, or take out ratings that were given on another scale"
        )
    scale_max = max(2, config.scale_max or highest)
    deviation = pl.col("rating").std(ddof=1)
    rows = (
        ratings.filter("is_accepted")
        .group_by("photo_id")
        .agg(n=pl.len(), mean_rating=pl.col("rating").mean(), standard_error=deviation / pl.len().sqrt())
        .with_columns(
            pl.col("n").cast(pl.Int64),
            rating_scaled=(pl.col("mean_rating") - 1) / (scale_max - 1),
            scale_max=pl.lit(scale_max, pl.Int64),
        )
        .sort("photo_id")
    )
    return PHOTO_RATINGS.conform(rows.to_arrow())


def photos_without_accepted_rating(lake: Lake) -> int:
    """Photos that somebody rated, but nobody whose answers count."""
    import polars as pl

    photos = accepted_ratings(lake).group_by("photo_id").agg(pl.col("is_accepted").any())
    return photos.filter(~pl.col("is_accepted")).height
