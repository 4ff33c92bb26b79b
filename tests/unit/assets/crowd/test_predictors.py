from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES
from assets.contracts.crowd import LABELS
from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.crowd.predictors import evaluation_inputs, load_evaluation
from assets.crowd.sampling import CrowdSampleConfig, draw_crowd_sample

At = Callable[[str], datetime]
Put = Callable[..., None]


def rated(photo: int, mean: float = 3.0) -> dict[str, Any]:
    return {"photo_id": photo, "n": 5, "mean_rating": mean, "rating_scaled": 0.5, "scale_max": 5}


def score(photo: int, version: str, beauty: float) -> dict[str, Any]:
    return {"photo_id": photo, "model_version": version, "preprocessing_hash": "p", "beauty": beauty}


def model(version: str, sequence: int = 1) -> dict[str, Any]:
    texts = ("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256", "metrics", "config")
    numbers = {"sequence": sequence, "parameters": 1, "training_photos": 1}
    return {"model_version": version, **dict.fromkeys(texts, "x"), **numbers}


def labelled(photo: int, split: str) -> dict[str, Any]:
    texts = {"uri": "x", "metric_source": "social_metric", "bucket": "low"}
    return {"photo_id": photo, "metric": 0.5, "split": split, **texts}


def test_load_evaluation_leaves_what_our_models_learnt_from_to_out_of_fold_and_ready_made_versions(
    lake: Lake, put: Put
) -> None:
    put(
        photos=[{"photo_id": i, "is_public": True, "uri": "x"} for i in range(1, 5)],
        photo_ratings=[rated(i) for i in range(1, 5)],
        scores=[score(i, version, 0.25) for i in range(1, 6) for version in ("ours", "ours-cv5-a", "crawl")],
        beauty_model=[model("ours")],
        training_set=[labelled(1, "train"), labelled(2, "validation"), labelled(3, "test")],
    )
    references, predictors = load_evaluation(lake)
    assert [reference.name for reference in references] == ["photo_ratings"]
    assert {predictor.name: predictor.learnt_from for predictor in predictors} == {
        "crawl": frozenset(), "ours": frozenset({1, 2}), "ours-cv5-a": frozenset()
    }  # fmt: skip
    assert all(predictor.is_score for predictor in predictors)
    assert predictors[1].rows["photo_id"].to_list() == [1, 2, 3, 4], "photo 5 is judged by nobody"


def test_load_evaluation_holds_models_that_scored_judged_photos_only(lake: Lake, put: Put) -> None:
    put(
        photos=[{"photo_id": i, "is_public": True, "uri": "x"} for i in range(1, 4)],
        photo_ratings=[rated(1), rated(2)],
        scores=[score(i, "front", 0.25) for i in (1, 2)],
        beauty_model=[model("variant"), model("front", 2)],
        training_set=[labelled(1, "train")],
    )
    before = evaluation_inputs(lake)
    zone = lake.zone("judged")
    for version in ("variant", "front"):
        rows = [score(i, version, 0.75) for i in (1, 2, 3)]
        zone.write(SCORES, version, pa.Table.from_pylist(rows, schema=SCORES.schema))
    assert evaluation_inputs(lake) != before
    _, predictors = load_evaluation(lake)
    found = {predictor.name: predictor.rows["prediction"].to_list() for predictor in predictors}
    assert found == {"front": [0.25, 0.25], "variant": [0.75, 0.75]}
    assert {predictor.learnt_from for predictor in predictors} == {frozenset({1})}


def test_load_evaluation_counts_favorites_of_others_and_followers_at_upload(lake: Lake, at: At, put: Put) -> None:
    uploaded = at("2016-03-01")
    photo = {"is_public": True, "uri": "x", "user_id": 1}
    put(
        photos=[
            {"photo_id": 1, "uploaded_at": uploaded, **photo},
            {"photo_id": 2, "uploaded_at": None, **photo},
            {"photo_id": 3, "uploaded_at": uploaded, **photo, "user_id": None},
        ],
        favorites=[
            {"user_id": 1, "photo_id": 1, "created_at": uploaded},
            {"user_id": 2, "photo_id": 1, "created_at": uploaded},
            {"user_id": 3, "photo_id": 1, "created_at": uploaded, "removed_at": uploaded},
            {"user_id": 4, "photo_id": 1, "created_at": uploaded},
            {"user_id": 4, "photo_id": 2, "created_at": uploaded},
        ],
        edges=[
            {"follower_id": 2, "followee_id": 1, "created_at": at("2016-02-01")},
            {"follower_id": 3, "followee_id": 1, "created_at": at("2016-02-01"), "removed_at": at("2016-02-05")},
            {"follower_id": 3, "followee_id": 1, "created_at": at("2016-02-07")},
            {"follower_id": 4, "followee_id": 1, "created_at": at("2016-03-02")},
            {"follower_id": 5, "followee_id": 1, "created_at": None},
            {"follower_id": 6, "followee_id": 1, "created_at": at("2016-01-01"), "removed_at": at("2016-02-01")},
        ],
        photo_ratings=[rated(1), rated(2), rated(3)],
    )
    _, predictors = load_evaluation(lake)
    found = {predictor.name: dict(predictor.rows.iter_rows()) for predictor in predictors}
    assert found == {"favorites": {1: 2.0, 2: 1.0, 3: 0.0}, "favorites_per_follower": {1: pytest.approx(2 / 4)}}
    assert not any(predictor.is_score for predictor in predictors)


def test_load_evaluation_puts_photos_into_the_buckets_of_the_crowd_sample(lake: Lake, put: Put) -> None:
    photos = [{"photo_id": i, "is_public": True, "uri": "x", "category": "sky" if i % 2 else None} for i in range(60)]
    favorites = [{"user_id": user, "photo_id": i} for i in range(60) for user in range(i * i // 40)]
    put(photos=photos, favorites=favorites, photo_ratings=[rated(i) for i in range(60)])
    sample = {
        row["photo_id"]: (row["popularity_bucket"], row["category"])
        for row in draw_crowd_sample(lake, CrowdSampleConfig(photos_per_cell=60)).to_pylist()
    }
    (reference,), _ = load_evaluation(lake)
    found = {row["photo_id"]: (row["popularity_bucket"], row["category"]) for row in reference.rows.to_dicts()}
    assert found == sample
    assert len({bucket for bucket, _ in sample.values()}) == 3


def test_load_evaluation_without_favorites_has_no_buckets_and_no_such_predictor(lake: Lake, put: Put) -> None:
    put(photos=[{"photo_id": 1, "is_public": True, "uri": "x"}], photo_ratings=[rated(1)])
    (reference,), predictors = load_evaluation(lake)
    assert predictors == []
    assert reference.rows.select("popularity_bucket", "category").rows() == [(None, "uncategorised")]


def test_load_evaluation_counts_labels_whose_image_never_arrived(lake: Lake, put: Put) -> None:
    put(
        labels=[
            {"photo_id": 1, "source": "ava", "mean": 5.0, "n": 3},
            {"photo_id": 1, "source": "b", "mean": 5, "n": 1},
        ]
    )
    zone = lake.zone("landed/ava")
    row = dict.fromkeys(QUARANTINE.schema.names, "x") | {"column": "photo_id"}
    rows = [
        row | {"table": LABELS.key, "row": i, "reason": reason} for i, reason in enumerate(["no_image", "odd"], start=1)
    ]
    zone.write(QUARANTINE, LABELS.key, pa.Table.from_pylist(rows, schema=QUARANTINE.schema))
    references, _ = load_evaluation(lake)
    assert [(reference.name, reference.without_image) for reference in references] == [("ava", 1), ("b", 0)]
    assert f"landed/ava/{QUARANTINE.key}/{LABELS.key}" in evaluation_inputs(lake)


def test_load_evaluation_of_nothing_is_empty(lake: Lake) -> None:
    assert load_evaluation(lake) == ([], [])
