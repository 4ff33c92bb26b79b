"""Which photos are explained; what is stored of them stands in ``explanations.py``.

The rule of choice: a quarter of the photos each from the top, the middle and the bottom of the scores, and a quarter
from talented owners whom few have seen. In each quarter an owner has one photo at most, so that one prolific owner does
not stand for all. Deleted photos and those without an image are passed over.

Unseen are owners of three photos or more whose photos get fewer favorites each than those of half of these owners;
talented are those of them whose photos score highest on average. Their best photo is taken.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import duckdb

from assets.beauty.calibration import find_model
from assets.beauty.explanations import read_explanations
from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import SCORES, TRAINING_SET
from assets.contracts.community import FAVORITES, PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.requests import ExplainPhotos

COMPARED_PHOTOS = 300
_FEWEST_OF_AN_OWNER = 3

_SCORED = """
create temp table scored as
select scores.photo_id, scores.beauty, coalesce('user ' || photos.user_id, 'photo ' || photos.photo_id) as owner
from scores join photos using (photo_id)
where model_version = $version and photos.deleted_at is null and photos.uri <> ''
"""

_ORDERS = {
    "top": "beauty desc",
    "middle": "abs(beauty - (select median(beauty) from scored))",
    "bottom": "beauty",
}

_UNSEEN = """
with owned as (
    select owner, avg(beauty) as talent, sum(coalesce(given.favorites, 0)) / count(*) as favorites_each
    from scored left join given using (photo_id)
    group by owner
    having count(*) >= $fewest
),
unseen as (select owner, talent from owned where favorites_each < (select median(favorites_each) from owned))
select arg_max(photo_id, (beauty, -photo_id))
from scored join unseen using (owner)
group by owner, talent
order by talent desc, owner
limit $photos
"""


def choose_photos(lake: Lake, model_version: str, photos: int) -> list[int]:
    """Photos to explain, by the rule of choice of this module; the same ones for the same data.

    Args:
        lake: The lake; scores, photos and favorites are read.
        model_version: Whose scores.
        photos: How many; fewer where there are not as many. Where a quarter has too few, the others have more.

    Returns:
        Ids, without repetition: one of each quarter in turn.
    """
    with scratch_database() as connection:
        _register(connection, lake, model_version)
        quarters = [*(_ordered(connection, order, photos) for order in _ORDERS.values()), _unseen(connection, photos)]
    in_turn = (photo for turn in zip_longest(*quarters) for photo in turn if photo is not None)
    return list(dict.fromkeys(in_turn))[:photos]


def draw_compared(lake: Lake, model_version: str, photos: int = COMPARED_PHOTOS) -> list[int]:
    """Scored photos at random, the same ones for the same data, of owners of whom no photo is learnt from.

    Args:
        lake: The lake; scores, photos and the training set are read.
        model_version: Whose scores.
        photos: How many; all where there are fewer.
    """
    with scratch_database() as connection:
        _register(connection, lake, model_version)
        connection.register("training_set", lake.dataset(TRAINING_SET))
        rows = connection.execute(
            """
            select photo_id
            from scored
            where owner not in (
                select coalesce('user ' || user_id, 'photo ' || photo_id) from training_set where split = 'train'
            )
            order by md5_number_lower(photo_id || '@explanations'), photo_id
            limit $photos
            """,
            {"photos": photos},
        ).fetchall()
    return [int(photo_id) for (photo_id,) in rows]


def _register(connection: duckdb.DuckDBPyConnection, lake: Lake, model_version: str) -> None:
    for contract in (SCORES, PHOTOS, FAVORITES):
        connection.register(contract.key, lake.dataset(contract))
    connection.execute(_SCORED, {"version": model_version})
    connection.execute(
        """
        create temp view given as
        select photo_id, count(*) as favorites from favorites where removed_at is null group by photo_id
        """
    )


def _ordered(connection: duckdb.DuckDBPyConnection, order: str, photos: int) -> list[int]:
    query = f"""
        with places as (select photo_id, owner, row_number() over (order by {order}, photo_id) as place from scored)
        select photo_id from places
        qualify row_number() over (partition by owner order by place) = 1
        order by place
        limit $photos
    """  # noqa: S608 (orders stand above)
    return [int(photo_id) for (photo_id,) in connection.execute(query, {"photos": photos}).fetchall()]


def _unseen(connection: duckdb.DuckDBPyConnection, photos: int) -> list[int]:
    rows = connection.execute(_UNSEEN, {"photos": photos, "fewest": _FEWEST_OF_AN_OWNER}).fetchall()
    return [int(photo_id) for (photo_id,) in rows]


def newest_model(lake: Lake, model_version: str = "") -> dict[str, Any]:
    """The row of ``beauty_model`` of a version, or of the newest.

    Raises:
        ValueError: There is no such network.
    """
    model = find_model(lake, model_version)
    if model is None:
        named = f" {model_version}" if model_version else ""
        raise ValueError(f"there is no trained model{named}, so there are no scores of its own to explain")
    return model


def explain_request(
    lake: Lake,
    media_root: str,
    model_version: str,
    photo_ids: Sequence[int],
    *,
    photos: int = 24,
    method: str = ExplainPhotos.method,
    num_gpus: float = 0.0,
) -> ExplainPhotos:
    """The request for named photos beside those that are explained, or for those that the rule chooses.

    Raises:
        ValueError: No photo is named, and the network has scored none.
    """
    if photo_ids:
        before = [row["photo_id"] for row in read_explanations(lake, model_version)]
        chosen = list(dict.fromkeys([*photo_ids, *before]))
    else:
        chosen = choose_photos(lake, model_version, photos)
    if not chosen:
        raise ValueError(f"{model_version} has scored no photo with an image")
    return ExplainPhotos(
        lake_uri=lake.uri,
        media_root=media_root,
        photo_ids=chosen,
        compared_ids=draw_compared(lake, model_version),
        model_version=model_version,
        method=method,
        num_gpus=num_gpus,
    )
