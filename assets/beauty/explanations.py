"""Which photos are explained, and what is stored of them, in words.

The rule of choice: a quarter of the photos each from the top, the middle and the bottom of the scores, and a quarter
from talented owners whom few have seen. In each quarter an owner has one photo at most, so that one prolific owner does
not stand for all. Deleted photos and those without an image are passed over.

Unseen are owners of three photos or more whose photos get fewer favorites each than those of half of these owners;
talented are those of them whose photos score highest on average. Their best photo is taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import duckdb

from assets.beauty.calibration import find_model
from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import SCORES, TRAINING_SET
from assets.contracts.community import FAVORITES, PHOTOS
from assets.contracts.explanations import EXPLANATION_FAITHFULNESS, PHOTO_ATTRIBUTES, PHOTO_EXPLANATIONS
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
    """The request for some photos, or for those that the rule chooses where none is named.

    Raises:
        ValueError: The network has scored no photo.
    """
    chosen = list(photo_ids) or choose_photos(lake, model_version, photos)
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


def read_explanations(lake: Lake, model_version: str) -> list[dict[str, Any]]:
    """Rows of ``photo_explanations`` of a network, most beautiful first."""
    rows = [row for row in lake.read(PHOTO_EXPLANATIONS).to_pylist() if row["model_version"] == model_version]
    return sorted(rows, key=lambda row: (-row["beauty"], row["photo_id"]))


def read_faithfulness(lake: Lake, model_version: str) -> dict[str, dict[str, Any]]:
    """Rows of ``explanation_faithfulness`` of a network by measure; empty if there are none."""
    rows = lake.read(EXPLANATION_FAITHFULNESS).to_pylist()
    return {row["measure"]: row for row in rows if row["model_version"] == model_version}


def strongest_attributes(lake: Lake, model_version: str, most: int = 2) -> dict[int, list[dict[str, Any]]]:
    """Photo -> its rows of ``photo_attributes`` with the largest contributions either way, largest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = [row for row in lake.read(PHOTO_ATTRIBUTES).to_pylist() if row["model_version"] == model_version]
    for row in sorted(rows, key=lambda row: -abs(row["contribution"])):
        of_photo = found.setdefault(row["photo_id"], [])
        if len(of_photo) < most:
            of_photo.append(row)
    return found


def estimate_in_words(estimate: Mapping[str, Any] | None, digits: int = 3) -> str:
    """A measure with its interval.

    >>> estimate_in_words({"value": 0.0512, "lower": 0.03, "upper": 0.07, "photos": 24})
    '+0.051 (95 %: +0.030 to +0.070, 24 photos)'
    >>> estimate_in_words(None)
    'unknown'
    """
    if estimate is None or estimate["value"] is None:
        return "unknown" if estimate is None else f"unknown ({estimate['photos']} photos are too few to tell)"
    ends = f"{estimate['lower']:+.{digits}f} to {estimate['upper']:+.{digits}f}"
    return f"{estimate['value']:+.{digits}f} (95 %: {ends}, {estimate['photos']} photos)"


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


def describe_photos(lake: Lake, photo_ids: Iterable[int], model_version: str = "") -> tuple[str, bool]:
    """What is stored of photos, as text for a terminal.

    Args:
        lake: The lake.
        photo_ids: Photos; those without an explanation are named with the command that makes one.
        model_version: Whose scores; empty means the newest.

    Returns:
        The text, and whether all photos have an explanation.

    Raises:
        ValueError: There is no such network.
    """
    version = newest_model(lake, model_version)["model_version"]
    stored = {row["photo_id"]: row for row in read_explanations(lake, version)}
    asked = list(dict.fromkeys(photo_ids))
    lines = [line for photo_id in asked if photo_id in stored for line in _photo_lines(lake, stored[photo_id])]
    if lines:
        lines += _trust_lines(read_faithfulness(lake, version))
    if missing := [str(photo_id) for photo_id in asked if photo_id not in stored]:
        lines.append(f"not explained by {version}: {', '.join(missing)}")
        lines.append(f"to explain them: `beautyflow explain --make {' '.join(missing)}`")
    return "\n".join(lines), not missing


def _photo_lines(lake: Lake, row: Mapping[str, Any]) -> list[str]:
    return [
        f"Photo {row['photo_id']}: beauty {row['beauty']:.2f} by {row['model_version']}, "
        f"{row['attribute_beauty']:.2f} by its attributes",
        *(f"  {sentence}" for sentence in row["sentences"]),
        f"  saliency by {row['method']}: deletion gain {row['deletion_gain']:+.3f}, "
        f"insertion gain {row['insertion_gain']:+.3f}",
        f"  {lake.location(row['overlay'])}",
        "",
    ]


def _trust_lines(faithfulness: Mapping[str, Mapping[str, Any]]) -> list[str]:
    gains = [f"{name} {estimate_in_words(faithfulness.get(f'{name}_gain'))}" for name in ("deletion", "insertion")]
    return [
        f"Saliency against random order, in beauty: {', '.join(gains)}",
        "The sentences are of a model of attributes; Spearman's correlation with the network: "
        f"{estimate_in_words(faithfulness.get('attribute_agreement'), 2)}",
    ]
