"""What is evaluated against what: references by people, predictions of photos, and what each photo is."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from assets.contracts.beauty import BEAUTY_MODELS, JUDGED_ZONE, SCORES, TRAINING_SET
from assets.contracts.community import EDGES, FAVORITES, PHOTOS
from assets.contracts.crowd import LABELS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.landed import LANDED, landed_source, landed_sources
from assets.contracts.quarantine import QUARANTINE
from assets.crowd.scratch import scratch_database

if TYPE_CHECKING:
    import polars as pl

RATINGS = PHOTO_RATINGS.key
RAW_FAVORITES, FAVORITES_PER_FOLLOWER = "favorites", "favorites_per_follower"


@dataclass(frozen=True)
class Reference:
    """What people say of photos.

    Attributes:
        name: ``photo_ratings``, or the source of the labels.
        rows: ``photo_id``, ``reference`` (a mean on any scale), ``histogram`` and ``tags`` (absent for ratings),
            ``popularity_bucket`` (absent where nobody gave a favorite) and ``category``; sorted by photo.
        without_image: Labels that were rejected on arrival, because the photo's image is not there.
    """

    name: str
    rows: "pl.DataFrame"
    without_image: int = 0


@dataclass(frozen=True)
class Predictor:
    """What predicts them.

    Attributes:
        name: Model version, ``favorites`` or ``favorites_per_follower``.
        rows: ``photo_id`` and ``prediction`` of photos that a reference knows.
        is_score: Whether predictions are beauty from 0 to 1, and not of any scale.
        learnt_from: Photos that it learnt from.
    """

    name: str
    rows: "pl.DataFrame"
    is_score: bool
    learnt_from: frozenset[int] = field(default=frozenset())


def evaluation_inputs(lake: Lake) -> dict[str, str]:
    """What an evaluation is computed from, in the form that ``commit(inputs=...)`` takes."""
    tables = (PHOTO_RATINGS, LABELS, SCORES, BEAUTY_MODELS, TRAINING_SET, PHOTOS, FAVORITES, EDGES)
    found = {name: sha for contract in tables for name, sha in lake.fingerprints(contract.key).items()}
    found |= {f"{JUDGED_ZONE}/{name}": sha for name, sha in lake.zone(JUDGED_ZONE).fingerprints(SCORES.key).items()}
    for source, zone in landed_sources(lake).items():
        rejected = zone.fingerprints(QUARANTINE.key, [LABELS.key])
        found |= {f"{LANDED}/{source}/{name}": sha for name, sha in rejected.items()}
    return found


def load_evaluation(lake: Lake) -> tuple[list[Reference], list[Predictor]]:
    """Everything there is to compare.

    Args:
        lake: The lake; photo ratings, labels, photos, favorites, edges, scores, models and the training set are read.

    Returns:
        References and predictors, each sorted by name.
    """
    judged = _judged_photos(lake)
    with scratch_database() as connection:
        for contract in (PHOTOS, FAVORITES, EDGES, SCORES):
            connection.register(contract.key, lake.dataset(contract))
        connection.register("judged_scores", lake.zone(JUDGED_ZONE).dataset(SCORES))
        connection.register("judged", judged.select("photo_id").unique().to_arrow())
        connection.execute(_POPULARITY)
        photos = connection.execute(_STRATA).pl()
        scores = connection.execute(_SCORED).pl()
        favorites = _favorite_predictors(connection)
    references = [
        Reference(name, part.drop("source").join(photos, "photo_id", how="left").sort("photo_id"), missing)
        for (name,), part in sorted(judged.group_by("source"), key=lambda group: str(group[0]))
        for missing in [_labels_without_image(lake, str(name))]
    ]
    return references, sorted([*_models(lake, scores), *favorites], key=lambda predictor: predictor.name)


def _judged_photos(lake: Lake) -> "pl.DataFrame":
    """``source``, ``photo_id``, ``reference``, ``histogram`` and ``tags`` of all references."""
    import polars as pl

    ratings = lake.scan(PHOTO_RATINGS).select(
        pl.lit(RATINGS).alias("source"),
        "photo_id",
        pl.col("mean_rating").alias("reference"),
        pl.lit(None, pl.List(pl.Int64)).alias("histogram"),
        pl.lit(None, pl.List(pl.String)).alias("tags"),
    )
    labels = lake.scan(LABELS).select("source", "photo_id", pl.col("mean").alias("reference"), "histogram", "tags")
    return pl.concat([ratings.collect(), labels.collect()])


def _labels_without_image(lake: Lake, source: str) -> int:
    import polars as pl

    if source not in landed_sources(lake):
        return 0
    rejected = landed_source(lake, source).scan(QUARANTINE, [LABELS.key])
    return int(rejected.filter(pl.col("reason") == "no_image").select(pl.len()).collect().item())


def _models(lake: Lake, scores: "pl.DataFrame") -> list[Predictor]:
    """Every version in ``scores``; those that we trained learnt from the training set, the others we know not what."""
    import polars as pl

    ours = set(lake.scan(BEAUTY_MODELS).select("model_version").collect().to_series())
    learnt = lake.scan(TRAINING_SET).filter(pl.col("split") != "test").select("photo_id").collect().to_series()
    learnt_from = frozenset(learnt)
    return [
        Predictor(str(name), part.select("photo_id", "prediction"), True, learnt_from if name in ours else frozenset())
        for (name,), part in scores.group_by("model_version", maintain_order=True)
    ]


def _favorite_predictors(connection: duckdb.DuckDBPyConnection) -> list[Predictor]:
    import polars as pl

    rows = connection.execute(_FAVORITES).pl()
    if not rows.height or not rows["favorites"].sum():
        return []
    dated = rows.filter(pl.col("followers").is_not_null())
    per_follower = dated.select("photo_id", prediction=pl.col("favorites") / (1 + pl.col("followers")))
    found = [Predictor(RAW_FAVORITES, rows.select("photo_id", prediction=pl.col("favorites").cast(pl.Float64)), False)]
    return [*found, Predictor(FAVORITES_PER_FOLLOWER, per_follower, False)] if dated["followers"].sum() else found


_POPULARITY = """
create temp table popularity as
with received as (
    select favorites.photo_id, count(*) as favorites
    from favorites
    join photos using (photo_id)
    where favorites.removed_at is null and favorites.user_id is distinct from photos.user_id
    group by favorites.photo_id
),
most as (
    select max(ln(1 + favorites)) as log_favorites
    from received
    join photos using (photo_id)
    where deleted_at is null
)
select
    photos.photo_id,
    photos.user_id,
    photos.uploaded_at,
    photos.category,
    coalesce(received.favorites, 0) as favorites,
    round(3 * ln(1 + coalesce(received.favorites, 0)) / most.log_favorites, 9) as height
from photos
join judged using (photo_id)
left join received using (photo_id)
cross join most
"""
"""Favorites of others that last; on the logarithmic scale of ``sampling.py``, so that buckets are the same."""

_STRATA = """
select
    photo_id,
    case when height < 1 then 'tail' when height < 2 then 'torso' when height >= 2 then 'head' end as popularity_bucket,
    coalesce(nullif(category, ''), 'uncategorised') as category
from popularity
"""

_SCORED = """
select model_version, photo_id, beauty::double as prediction
from scores
where photo_id in (select photo_id from judged)
union all
select model_version, photo_id, beauty::double as prediction
from judged_scores
where photo_id in (select photo_id from judged) and model_version not in (select model_version from scores)
order by model_version, photo_id
"""

_FAVORITES = """
select
    popularity.photo_id,
    any_value(popularity.favorites) as favorites,
    case
        when any_value(popularity.uploaded_at) is not null and any_value(popularity.user_id) is not null
            then count(distinct edges.follower_id)
    end as followers
from popularity
left join edges
    on edges.followee_id = popularity.user_id
    and coalesce(edges.created_at <= popularity.uploaded_at, true)
    and coalesce(edges.removed_at > popularity.uploaded_at, true)
group by popularity.photo_id
order by popularity.photo_id
"""
"""Followers at the moment of upload; links without a time count as old."""
