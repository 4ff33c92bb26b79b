"""The training set: photos at the bottom, in the middle and at the top of quality, split by user and by time.

Which quality: the social metric (``social_metric.py``), except where people have rated enough photos and favorites
say little. That is, mean ratings by accepted raters (``photo_ratings``) are used when at least
``minimum_rated_photos`` photos with an image have ``minimum_ratings`` of them, and there are no favorites or fewer than
one per photo on average (below which the metric is mostly noise). With neither, the training set is empty and the
summary says why.

Buckets: all public photos are ranked, equal ones in an order that is random but fixed; ``low`` is the bottom 10 %,
``median`` the 45th to 55th percentile, ``high`` the top 5 %. Photos without an image are ranked, then left out.

Splits: each user belongs to ``train``, ``validation`` or ``test`` by a hash, so that the split of a user never
changes as the community grows; photos without owner count as users of their own. The newest months are held out:
only photos of test users stay there, those of others are left out, because they would either put a user in two
splits or the future in training.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from assets.beauty.scratch import scratch_database
from assets.beauty.social_metric import (
    ENOUGH_FAVORITES,
    Floats,
    SocialMetricConfig,
    SocialMetricFit,
    finite,
    fit_social_metric,
)
from assets.contracts.beauty import TRAINING_SET
from assets.contracts.community import PHOTOS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.statistics.rank import spearman_interval

SOCIAL_METRIC, RATINGS = "social_metric", "crowd_ratings"
_FEW_RATED = 10
"""Rated photos below which a correlation with ratings says nothing."""


@dataclass(frozen=True)
class TrainingSetConfig:
    """How photos are labelled and split.

    Attributes:
        social_metric: How the social metric is measured.
        minimum_ratings: Accepted ratings that a photo needs for its mean rating to count.
        minimum_rated_photos: Rated photos with an image that are enough to learn from.
        low: Share of photos in the bucket ``low``.
        median: Ends of the bucket ``median``, as shares.
        high: Share of photos in the bucket ``high``.
        test_share: Share of users in ``test``.
        validation_share: Share of users in ``validation``.
        held_out_months: Newest months of labelled photos in which only test users stay; at most a quarter of them.
    """

    social_metric: SocialMetricConfig = field(default_factory=SocialMetricConfig)
    minimum_ratings: int = 5
    minimum_rated_photos: int = 50
    low: float = 0.10
    median: tuple[float, float] = (0.45, 0.55)
    high: float = 0.05
    test_share: float = 0.20
    validation_share: float = 0.10
    held_out_months: int = 3


@dataclass(frozen=True)
class TrainingSet:
    """Labelled photos and how they came about.

    Attributes:
        rows: Rows of the contract ``TRAINING_SET``.
        summary: JSON values: which metric and why, photos ranked and left out, what the social metric learnt, its
            reliability, and its correlations with raw favorites and with crowd ratings.
    """

    rows: pa.Table
    summary: dict[str, Any]


def build_training_set(lake: Lake, config: TrainingSetConfig | None = None) -> TrainingSet:
    """Label and split the published photos of a community.

    Args:
        lake: The lake; published photos, edges, favorites and `photo_ratings` are read.
        config: How photos are labelled and split.

    Returns:
        The training set; without rows where there is nothing to learn from.
    """
    config = config or TrainingSetConfig()
    with scratch_database() as connection:
        connection.register("photos", lake.dataset(PHOTOS))
        connection.register("photo_ratings", lake.dataset(PHOTO_RATINGS))
        connection.execute(_RATED, {"minimum": config.minimum_ratings})
        fit = fit_social_metric(connection, lake, config.social_metric)
        rated = _count(connection, "select count(*) from rated join photos using (photo_id) where uri <> ''")
        source, reason = choose_metric(fit, rated, config)
        summary: dict[str, Any] = {"metric_source": source, "reason": reason, "rated_photos": rated}
        summary["config"] = asdict(config)
        if fit is not None:
            summary["social_metric"] = fit.to_dict()
            summary["agreement"] = _agreement(connection, config)
        if source is None:
            return TrainingSet(TRAINING_SET.schema.empty_table(), summary)
        _rank(connection, source)
        rows = _label(connection, source, config)
        summary |= _counts(connection, rows)
        if not rows.num_rows:
            summary["reason"] += "; no labelled photo has an image, so there is nothing to learn from"
    return TrainingSet(rows, summary)


def choose_metric(fit: SocialMetricFit | None, rated: int, config: TrainingSetConfig) -> tuple[str | None, str]:
    """Which quality photos are labelled by, and why; None where there is nothing to label by.

    Args:
        fit: What the social metric learnt, or None without favorites.
        rated: Photos with an image and enough ratings.
        config: How much is enough.
    """
    favorites = fit.favorites_per_photo if fit is not None else 0.0
    if rated >= config.minimum_rated_photos and favorites < ENOUGH_FAVORITES:
        return RATINGS, f"{rated} photos are rated and photos have {favorites:.2f} favorites each"
    if fit is None:
        return (
            None,
            f"no photo received a favorite, and {rated} photos are rated ({config.minimum_rated_photos} needed)",
        )
    if fit.prior.variance == 0:
        return None, "favorites per exposure vary no more than chance, so they say nothing of quality"
    noise = "; below one, the metric is mostly noise" if favorites < ENOUGH_FAVORITES else ""
    return SOCIAL_METRIC, f"photos have {favorites:.2f} favorites each within the window{noise}"


_RATED = """
create temp table rated as
select photo_id, mean_rating
from photo_ratings
where n >= $minimum
"""

_LABELLED = """
create temp table labelled as
with placed as (
    select
        *,
        (position - 0.5) / count(*) over () as place,
        md5_number_lower(coalesce('user ' || user_id, 'photo ' || photo_id)) % 1000000 / 1000000.0 as lot
    from ranked
),
labelled as (
    select
        photo_id,
        user_id,
        uploaded_at,
        uri,
        metric,
        case
            when place < $low then 'low'
            when place >= $median_from and place < $median_to then 'median'
            when place >= 1 - $high then 'high'
        end as bucket,
        case when lot < $test then 'test' when lot < $test + $validation then 'validation' else 'train' end as split
    from placed
)
select *, dense_rank() over (order by date_trunc('month', uploaded_at) desc nulls last) as months_back
from labelled
where bucket is not null
"""

_HELD_BACK = """
    split <> 'test'
    and uploaded_at is not null
    and months_back <= least($months, (select max(months_back) from labelled where uploaded_at is not null) // 4)
"""
"""Newest months, at most a quarter of those there are, hold test users only."""


def _rank(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make the table ``ranked``: photos with metric and position, from 1 upwards."""
    metric = "social_metric.metric" if source == SOCIAL_METRIC else "rated.mean_rating"
    table = "social_metric" if source == SOCIAL_METRIC else "rated"
    connection.execute(
        f"""
        create temp table ranked as
        select
            photos.photo_id, photos.user_id, photos.uploaded_at, photos.uri, {metric} as metric,
            row_number() over (order by {metric}, md5(photos.photo_id::varchar), photos.photo_id) as position
        from {table}
        join photos on photos.photo_id = {table}.photo_id
        """  # noqa: S608 (one of two names above)
    )


def _label(connection: duckdb.DuckDBPyConnection, source: str, config: TrainingSetConfig) -> pa.Table:
    connection.execute(
        _LABELLED,
        {
            "low": config.low,
            "median_from": config.median[0],
            "median_to": config.median[1],
            "high": config.high,
            "test": config.test_share,
            "validation": config.validation_share,
        },
    )
    rows = connection.execute(
        f"""
        select photo_id, user_id, uploaded_at, uri, metric, '{source}' as metric_source, bucket, split
        from labelled
        where uri <> '' and not ({_HELD_BACK})
        order by photo_id
        """,  # noqa: S608 (one of two names above)
        {"months": config.held_out_months},
    ).to_arrow_table()
    return TRAINING_SET.conform(rows)


def _agreement(connection: duckdb.DuckDBPyConnection, config: TrainingSetConfig) -> dict[str, Any]:
    """How the social metric and raw favorites agree with ratings and with one another."""
    top = connection.execute(
        """
        with placed as (
            select
                percent_rank() over (order by metric) as by_metric,
                percent_rank() over (order by favorites, md5(photo_id::varchar)) as by_favorites
            from social_metric
        )
        select count(*) filter (where by_favorites >= 1 - $high) / nullif(count(*), 0)
        from placed
        where by_metric >= 1 - $high
        """,
        {"high": config.high},
    ).fetchone()
    columns = connection.execute(
        "select metric, favorites, mean_rating from social_metric join rated using (photo_id) order by photo_id"
    ).fetchnumpy()
    metric, favorites, ratings = (
        np.asarray(columns[n], dtype=np.float64) for n in ("metric", "favorites", "mean_rating")
    )
    found: dict[str, Any] = {"rated_photos": len(ratings), "high_bucket_shared_with_raw_favorites": top and top[0]}
    if len(ratings) >= _FEW_RATED:
        found["spearman_metric_ratings"] = _interval(metric, ratings)
        found["spearman_raw_favorites_ratings"] = _interval(favorites, ratings)
    return found


def _interval(x: Floats, y: Floats) -> dict[str, float | None]:
    found = spearman_interval(x, y)
    ends = {"value": found.value, "lower": found.lower, "upper": found.upper}
    return {name: finite(value) for name, value in ends.items()} | {"n": found.n, "level": found.level}


def _counts(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> dict[str, Any]:
    labelled = _count(connection, "select count(*) from labelled")
    imageless = _count(connection, "select count(*) from labelled where uri = ''")
    return {
        "photos_published": _count(connection, "select count(*) from photos"),
        "photos_ranked": _count(connection, "select count(*) from ranked"),
        "photos_labelled": labelled,
        "left_out_without_image": imageless,
        "left_out_newest_months_of_training_users": labelled - imageless - rows.num_rows,
        "photos": rows.num_rows,
    }


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = connection.execute(sql).fetchone()
    return 0 if found is None else int(found[0])
