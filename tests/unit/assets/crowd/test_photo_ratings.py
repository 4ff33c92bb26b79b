import math
from collections.abc import Callable
from typing import Any

import pytest

from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.crowd.photo_ratings import (
    PhotoRatingsConfig,
    accepted_ratings,
    photos_without_accepted_rating,
    rate_photos,
)

Put = Callable[..., None]


def rating(photo: int, rater: int, answer: int, **more: Any) -> dict[str, Any]:
    return {"photo_id": photo, "rater_id": rater, "rating": answer, "is_gold": False, **more}


def quality(rater: int, is_accepted: bool) -> dict[str, Any]:
    return {"rater_id": rater, "ratings": 1, "gold_questions": 0, "is_accepted": is_accepted}


@pytest.fixture
def rated(put: Put) -> None:
    put(
        crowd_ratings=[
            rating(1, 1, 2), rating(1, 2, 4), rating(1, 3, 7), rating(1, 5, 1),
            rating(2, 2, 1), rating(3, 3, 5),
            rating(4, 1, 5, is_gold=True, gold_rating=5),
        ],
        rater_quality=[quality(1, True), quality(2, True), quality(3, False)],
    )  # fmt: skip


@pytest.mark.usefixtures("rated")
def test_rate_photos_takes_accepted_ratings_that_are_no_gold_questions(lake: Lake) -> None:
    rows = rate_photos(lake)
    PHOTO_RATINGS.validate(rows)
    assert rows.to_pylist() == [
        {"photo_id": 1, "n": 2, "mean_rating": 3.0, "standard_error": pytest.approx(math.sqrt(2) / math.sqrt(2)),
         "rating_scaled": pytest.approx(2 / 6), "scale_max": 7},
        {"photo_id": 2, "n": 1, "mean_rating": 1.0, "standard_error": None, "rating_scaled": 0.0, "scale_max": 7},
    ]  # fmt: skip


@pytest.mark.usefixtures("rated")
def test_rate_photos_takes_the_configured_scale_and_refuses_answers_above_it(lake: Lake) -> None:
    assert rate_photos(lake, PhotoRatingsConfig(scale_max=9))["rating_scaled"].to_pylist() == [0.25, 0]
    with pytest.raises(ValueError, match="crowd_ratings.rating reaches 7, above the configured scale_max 5; correct"):
        rate_photos(lake, PhotoRatingsConfig(scale_max=5))


def test_rate_photos_where_all_say_one_is_at_the_bottom(lake: Lake, put: Put) -> None:
    put(crowd_ratings=[rating(1, 1, 1)], rater_quality=[quality(1, True)])
    assert rate_photos(lake)["rating_scaled"].to_pylist() == [0]


def test_rate_photos_without_ratings_gives_no_row(lake: Lake) -> None:
    assert rate_photos(lake).num_rows == 0
    assert accepted_ratings(lake).height == 0


@pytest.mark.usefixtures("rated")
def test_accepted_ratings_takes_unknown_raters_for_excluded(lake: Lake) -> None:
    assert accepted_ratings(lake)["is_accepted"].to_list() == [True, True, False, False, True, False]


@pytest.mark.usefixtures("rated")
def test_photos_without_accepted_rating_counts_what_only_excluded_raters_saw(lake: Lake) -> None:
    assert photos_without_accepted_rating(lake) == 1
