import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assets.beauty.social_metric import SocialMetricFit
from assets.beauty.training_set import TrainingSetConfig, build_training_set, choose_metric
from assets.contracts.beauty import TRAINING_SET
from assets.contracts.lake import Lake
from assets.statistics.empirical_bayes import GammaPrior

At = Callable[[str], datetime]
Put = Callable[..., None]
CONFIG = TrainingSetConfig()
WINDOW = "favorites each within the window"


def fit_with(favorites_per_photo: float, prior: GammaPrior | None = None) -> SocialMetricFit:
    prior = prior or GammaPrior(2.0, 10.0, 0.2)
    return SocialMetricFit(100, favorites_per_photo, 5.0, prior, 0.5, 0.5, (), 0.5, 0.0, 0.5)


@pytest.mark.parametrize(
    ("fit", "rated", "source", "reason"),
    [
        (None, 315, "crowd_ratings", "315 photos are rated and photos have 0.00 favorites each"),
        (fit_with(0.4), 315, "crowd_ratings", "315 photos are rated and photos have 0.40 favorites each"),
        (fit_with(0.4), 10, "social_metric", f"photos have 0.40 {WINDOW}; below one, the metric is mostly noise"),
        (fit_with(4.0), 315, "social_metric", f"photos have 4.00 {WINDOW}"),
        (None, 10, None, "no photo received a favorite, and 10 photos are rated (50 needed)"),
        (
            fit_with(4.0, GammaPrior(float("inf"), float("inf"), 0.2)),
            0,
            None,
            "favorites per exposure vary no more than chance, so they say nothing of quality",
        ),
    ],
)  # fmt: skip
def test_choose_metric_prefers_ratings_where_favorites_say_little(
    fit: SocialMetricFit | None, rated: int, source: str | None, reason: str
) -> None:
    assert choose_metric(fit, rated, CONFIG) == (source, reason)


def _rated(photo_id: int, mean: float, n: int = 5) -> dict[str, Any]:
    return {"photo_id": photo_id, "n": n, "mean_rating": mean, "rating_scaled": (mean - 1) / 4, "scale_max": 5}


@pytest.fixture
def community(at: At, put: Put) -> dict[str, Any]:
    """1200 photos of 100 users over 12 months, photo i of rate i / 300; 60 of them are rated by the crowd."""
    rng = np.random.default_rng(1)
    photos: list[dict[str, Any]] = []
    favorites: list[dict[str, Any]] = []
    for number in range(1200):
        uploaded = at("2013-01-01") + timedelta(days=int(rng.integers(0, 360)))
        image = "" if number % 40 == 0 else f"{number}.jpg"
        photos.append(
            {"photo_id": number, "user_id": number % 100, "uploaded_at": uploaded, "is_public": True, "uri": image}
        )
        admirers = rng.poisson(number / 100)
        favorites += [
            {"user_id": 1000 + i, "photo_id": number, "created_at": uploaded + timedelta(days=2)}
            for i in range(admirers)
        ]
    favorites.append({"user_id": 5000, "photo_id": 0, "created_at": at("2014-03-01")})
    ratings = [_rated(number, 1 + number // 300) for number in range(0, 1200, 20)]
    put(photos=photos, favorites=favorites, photo_ratings=ratings)
    return {"photos": photos}


@pytest.mark.usefixtures("community")
def test_build_training_set_takes_bottom_middle_and_top(lake: Lake) -> None:
    made = build_training_set(lake, replace(CONFIG, held_out_months=0))
    TRAINING_SET.validate(made.rows)
    counts = Counter(made.rows["bucket"].to_pylist())
    assert made.summary["photos_ranked"] == 1200
    assert sum(counts.values()) + made.summary["left_out_without_image"] == 120 + 120 + 60
    means = {
        bucket: np.mean([r["photo_id"] for r in made.rows.to_pylist() if r["bucket"] == bucket]) for bucket in counts
    }
    assert means["low"] < 200
    assert 400 < means["median"] < 800
    assert means["high"] > 900
    metrics = {b: [r["metric"] for r in made.rows.to_pylist() if r["bucket"] == b] for b in counts}
    assert max(metrics["low"]) < min(metrics["median"])
    assert max(metrics["median"]) < min(metrics["high"])


@pytest.mark.usefixtures("community")
def test_build_training_set_leaves_out_photos_without_an_image(lake: Lake) -> None:
    made = build_training_set(lake)
    assert "" not in made.rows["uri"].to_pylist()
    assert made.summary["left_out_without_image"] > 0


@pytest.mark.usefixtures("community")
def test_build_training_set_splits_whole_users_and_holds_out_the_newest_months(lake: Lake) -> None:
    made = build_training_set(lake)
    rows = made.rows.to_pylist()
    splits: dict[int, set[str]] = {}
    for row in rows:
        splits.setdefault(row["user_id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(next(iter(found)) for found in splits.values()).keys() == {"train", "validation", "test"}
    newest = [row for row in rows if row["uploaded_at"].month >= 10]
    assert newest
    assert {row["split"] for row in newest} == {"test"}
    assert made.summary["left_out_newest_months_of_training_users"] > 0
    assert made.summary["photos"] == len(rows)


@pytest.mark.usefixtures("community")
def test_build_training_set_keeps_users_in_their_split_as_the_community_grows(lake: Lake, at: At, put: Put) -> None:
    before = {row["user_id"]: row["split"] for row in build_training_set(lake).rows.to_pylist()}
    later = [
        {"photo_id": 5000 + i, "user_id": 500 + i, "uploaded_at": at("2014-01-05"), "is_public": True, "uri": "x"}
        for i in range(300)
    ]
    put(photos=later)
    after = {row["user_id"]: row["split"] for row in build_training_set(lake).rows.to_pylist()}
    common = before.keys() & after.keys()
    assert len(common) > 50
    assert {user: before[user] for user in common} == {user: after[user] for user in common}


@pytest.mark.usefixtures("community")
def test_build_training_set_says_how_the_metric_agrees_with_people(lake: Lake) -> None:
    made = build_training_set(lake)
    assert made.summary["metric_source"] == "social_metric"
    assert made.summary["agreement"]["rated_photos"] == 60
    agreement = made.summary["agreement"]["spearman_metric_ratings"]
    assert agreement["lower"] < agreement["value"] < agreement["upper"]
    assert agreement["value"] > 0.7
    assert 0 <= made.summary["agreement"]["high_bucket_shared_with_raw_favorites"] <= 1
    assert json.loads(json.dumps(made.summary, allow_nan=False))["social_metric"]["photos"] == 1200


@pytest.mark.usefixtures("community")
def test_build_training_set_repeats_itself(lake: Lake) -> None:
    first, second = build_training_set(lake), build_training_set(lake)
    assert first.rows.equals(second.rows)
    assert first.summary == second.summary


def test_build_training_set_uses_ratings_where_there_are_no_favorites(lake: Lake, put: Put) -> None:
    photos = [{"photo_id": i, "is_public": True, "uri": f"{i}.jpg"} for i in range(200)]
    photos.append({"photo_id": 200, "is_public": True, "uri": "200.jpg"})
    ratings = [_rated(i, 1 + min(i // 40, 4)) for i in range(200)]
    put(photos=photos, photo_ratings=[*ratings, _rated(200, 1, n=4)])  # four ratings are too few
    made = build_training_set(lake)
    TRAINING_SET.validate(made.rows)
    assert set(made.rows["metric_source"].to_pylist()) == {"crowd_ratings"}
    by_bucket = {b: {r["metric"] for r in made.rows.to_pylist() if r["bucket"] == b} for b in ("low", "median", "high")}
    assert by_bucket == {"low": {1.0}, "median": {3.0}, "high": {5.0}}
    assert Counter(made.rows["bucket"].to_pylist()) == {"low": 20, "median": 20, "high": 10}
    assert set(made.rows["split"].to_pylist()) == {"train", "validation", "test"}
    assert "social_metric" not in made.summary


def test_build_training_set_of_nothing_is_empty_with_a_reason(lake: Lake) -> None:
    made = build_training_set(lake)
    assert made.rows.num_rows == 0
    assert made.rows.schema == TRAINING_SET.schema
    assert made.summary["metric_source"] is None
    assert made.summary["reason"] == "no photo received a favorite, and 0 photos are rated (50 needed)"


def test_build_training_set_without_images_is_empty_with_a_reason(lake: Lake, at: At, put: Put) -> None:
    photos = [
        {"photo_id": i, "user_id": i, "uploaded_at": at("2013-01-01"), "is_public": True, "uri": ""} for i in range(40)
    ]
    favorites = [
        {"user_id": 100 + k, "photo_id": i, "created_at": at("2013-01-02")} for i in range(40) for k in range(i)
    ]
    put(photos=photos, favorites=[*favorites, {"user_id": 9, "photo_id": 0, "created_at": at("2014-01-01")}])
    made = build_training_set(lake)
    assert (made.rows.num_rows, made.summary["left_out_without_image"]) == (0, 10)
    assert made.summary["reason"].endswith("no labelled photo has an image, so there is nothing to learn from")
