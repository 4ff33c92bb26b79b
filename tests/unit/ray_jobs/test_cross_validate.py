from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.requests import CrossValidateBeauty
from ray_jobs import cross_validate
from ray_jobs.cross_validate import FoldScorer, assign_folds, rated_photos, run


@pytest.fixture
def rated(lake, add_photos):
    """Twenty photos in two months, each rated twice; photo 21 is rated once, photo 22 has no image."""
    add_photos("2013-01", list(range(12)), broken=(4,))
    add_photos("2013-02", [*range(12, 20), 21, 22], bare=(22,))
    put_ratings(lake, [(photo, 2, 2.5 + photo % 5 / 2) for photo in [*range(20), 22]] + [(21, 1, 3.0)])


def put_ratings(lake, ratings):
    """Photo, number of accepted ratings, and their mean."""
    rows = [
        {"photo_id": p, "n": n, "mean_rating": mean, "rating_scaled": (mean - 1) / 4, "scale_max": 5}
        for p, n, mean in ratings
    ]
    lake.write(PHOTO_RATINGS, "undated", pa.Table.from_pylist(rows, schema=PHOTO_RATINGS.schema))


@pytest.fixture
def by_photo(monkeypatch):
    """Folds run in this process; users count as unknown, since the lake has one user only."""
    calls = []

    def score(request, photos, folds):
        calls.append(request)
        answers = [
            FoldScorer(request)(photos.filter(pa.array(folds != f)), photos.filter(pa.array(folds == f)))
            for f in range(request.folds)
        ]
        return pa.concat_tables([part for part, _ in answers]).sort_by("photo_id"), answers[0][1]

    original = cross_validate.assign_folds
    monkeypatch.setattr(cross_validate, "_score_folds", score)
    monkeypatch.setattr(
        cross_validate, "assign_folds", lambda users, photos, k, seed: original([None] * len(photos), photos, k, seed)
    )
    return calls


def request(lake, media, **values) -> CrossValidateBeauty:
    return CrossValidateBeauty(lake_uri=lake.uri, media_root=str(media), **{"folds": 4, "minimum_ratings": 2, **values})


def test_rated_photos_have_an_image_and_enough_ratings(lake, rated):
    photos = rated_photos(lake, 2)
    assert photos["photo_id"].to_pylist() == list(range(20))
    assert photos["mean_rating"].to_pylist()[:3] == [2.5, 3.0, 3.5]
    assert rated_photos(lake, 1).num_rows == 21


def test_assign_folds_keeps_users_together_and_sizes_even():
    users = [u for u in range(10) for _ in range(3)]
    folds = assign_folds(users, list(range(30)), 5, seed=0)
    assert all(len(set(folds[np.array(users) == u])) == 1 for u in range(10))
    assert np.bincount(folds).tolist() == [6] * 5
    assert (folds == assign_folds(users, list(range(30)), 5, seed=0)).all()
    assert (folds != assign_folds(users, list(range(30)), 5, seed=1)).any()


def test_run_adds_out_of_fold_scores_beside_others(lake, media, rated, by_photo):
    other = {
        "photo_id": 1,
        "model_version": "a",
        "preprocessing_hash": "b",
        "beauty": 0.5,
        "uploaded_at": datetime(2013, 1, 3, tzinfo=UTC),
    }
    lake.write(
        SCORES, "2013-01", pa.Table.from_pylist([other], schema=SCORES.schema), code_version="x", inputs={"p": "1"}
    )
    result = run(request(lake, media))
    assert (result["scored"], result["unscorable"], result["months"]) == (19, 1, ["2013-01", "2013-02"])
    assert result["model_version"].startswith("handcrafted-cv4-")
    assert result["spearman"]["n"] == 19
    rows = lake.read(SCORES).to_pylist()
    ours = [row["photo_id"] for row in rows if row["model_version"] == result["model_version"]]
    assert sorted(ours) == [i for i in range(20) if i != 4]
    assert len(rows) == 20
    commit = lake.commit_of("scores", "2013-01")
    assert commit.code_version == "x"
    assert commit.inputs["p"] == "1"


def test_run_takes_over_no_inputs_of_rows_under_an_older_contract(lake, media, rated, by_photo):
    before = replace(SCORES, columns=tuple(c for c in SCORES.columns if c.name != "preprocessing_hash"))
    other = {"photo_id": 1, "model_version": "a", "beauty": 0.5, "uploaded_at": datetime(2013, 1, 3, tzinfo=UTC)}
    rows = pa.Table.from_pylist([other], schema=before.schema)
    lake.write(before, "2013-01", rows, code_version="x", inputs={"p": "1"})
    result = run(request(lake, media))
    commit = lake.commit_of("scores", "2013-01")
    assert (commit.code_version, "p" in commit.inputs) == ("", False)
    assert set(lake.read(SCORES, ["2013-01"])["model_version"].to_pylist()) == {result["model_version"]}


def test_run_again_answers_from_what_is_stored(lake, media, rated, by_photo):
    first = run(request(lake, media))
    assert run(request(lake, media)) == first
    assert len(by_photo) == 1
    lake.drop("scores", "2013-02")
    assert run(request(lake, media)) == first
    assert len(by_photo) == 2


def test_run_needs_photos_in_every_fold(lake, media, rated):
    with pytest.raises(ValueError, match="0 photos have an image and 9 ratings; 4 folds need"):
        run(request(lake, media, minimum_ratings=9))
