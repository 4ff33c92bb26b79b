import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from assets.beauty import calibration
from assets.beauty.calibration import (
    ZONE,
    NotCalibrated,
    RatedPhotos,
    calibrate,
    calibration_note,
    calibration_row,
    coverage_rows,
    deal_into_folds,
    find_model,
    fit_curve,
    photos_to_score,
    publish_calibration,
    read_rated_photos,
    reliability,
    write_summary,
)
from assets.contracts.beauty import BEAUTY_CALIBRATION, CALIBRATION_COVERAGE, SCORES, TRAINING_SET
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED

Put = Callable[..., None]


def rated(photos: int, seed: int = 0, owners: int = 0, ratings: int = 8) -> RatedPhotos:
    """Photos of known latent beauty: the model compresses it and errs, raters err and answer on five levels.

    Owners are as many as photos where ``owners`` is 0; otherwise the photos of one owner share half of the error.
    """
    draw = np.random.default_rng(seed)
    owner = draw.integers(0, owners, photos) if owners else np.arange(photos)
    latent = draw.beta(2, 2, photos)
    shared = draw.normal(size=photos)[owner] if owners else 0.0
    error = 0.1 * draw.normal(size=photos) + 0.07 * shared
    judged = latent[:, None] + 0.12 * draw.normal(size=(photos, ratings))
    levels = np.searchsorted((0.28, 0.41, 0.55, 0.68), judged) / 4
    return RatedPhotos(
        beauty=np.clip(0.5 + 0.5 * (latent - 0.5) + error, 0, 1),
        rating=levels.mean(axis=1),
        noise=levels.var(axis=1, ddof=1) / ratings,
        ratings=np.full(photos, ratings),
        owner=owner.astype(str),
        category=np.where(np.arange(photos) % 3 == 0, "birds", "portraits"),
    )


# ---- the method ----


@pytest.mark.parametrize(("seed", "owners"), [(1, 0), (2, 0), (3, 4_000)])
def test_calibrate_covers_nine_in_ten_photos_that_nobody_has_seen(seed: int, owners: int) -> None:
    """With 12,000 rated photos, all numbers lie within two points of 90 % with a probability beyond 99.9 %."""
    photos, unseen = rated(12_000, seed, owners), rated(20_000, seed + 100)
    made = calibrate(photos)
    row = calibration_row("m", photos, made)
    promised = np.abs(unseen.rating - made.curve(unseen.beauty)) <= made.half_width
    assert abs(row["coverage"] - 0.90) < 0.02
    assert row["lower"] < 0.90 < row["upper"]
    if not owners:  # the unseen photos have the errors of photos without shared owners
        assert abs(promised.mean() - 0.90) < 0.02


def test_calibrate_keeps_its_promise_with_few_photos() -> None:
    """Over 60 worlds of 100 rated photos, coverage of unseen photos is at least 90 % on average."""
    unseen = rated(4_000, 999)
    promised, measured = [], []
    for seed in range(60):
        made = calibrate(rated(100, seed))
        promised.append(np.mean(np.abs(unseen.rating - made.curve(unseen.beauty)) <= made.half_width))
        measured.append(made.covered.mean())
    error = np.std(promised, ddof=1) / np.sqrt(60)
    assert 0.90 - 2.6 * error < np.mean(promised) < 0.93 + 2.6 * error
    assert abs(np.mean(measured) - np.mean(promised)) < 0.02


def test_calibrate_judges_no_photo_by_its_own_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = rated(300, owners=60)
    seen: list[tuple[set[str], set[str]]] = []
    learn = calibration._learn

    def noting(given: RatedPhotos, fit: np.ndarray, conformal: np.ndarray) -> Any:
        seen.append((set(given.owner[fit]), set(given.owner[conformal])))
        return learn(given, fit, conformal)

    monkeypatch.setattr(calibration, "_learn", noting)
    calibrate(photos)
    everyone = set(photos.owner)
    judged = [everyone - fit - conformal for fit, conformal in seen]
    assert len(seen) == 6
    assert all(fit and conformal and not fit & conformal for fit, conformal in seen)
    assert sorted(owner for each in judged[:5] for owner in each) == sorted(everyone)
    assert judged[5] == set()


def test_calibrate_is_no_better_on_noise_than_the_mean() -> None:
    """Cross-fitting would not show it if a photo helped to fit the curve that judges it."""
    photos = rated(600)
    shuffled = replace(photos, rating=np.random.default_rng(5).permutation(photos.rating))
    made = calibrate(shuffled)
    assert np.mean((shuffled.rating - made.calibrated) ** 2) > shuffled.rating.var()


def test_calibrate_comes_closer_to_ratings_than_raw_beauty() -> None:
    photos = rated(600)
    row = calibration_row("m", photos, calibrate(photos))
    assert row["squared_error"] < 0.95 * row["squared_error_raw"]
    assert (row["photos"], row["fit_photos"], row["conformal_photos"]) == (600, 240, 360)
    assert row["ratings_per_photo"] == 8


@pytest.mark.parametrize("ratings", [4, 16])
def test_calibration_row_says_how_much_of_the_width_is_noise_of_raters(ratings: int) -> None:
    photos, made_by_many = rated(3_000, ratings=ratings), rated(3_000, ratings=500)
    assert photos.beauty.tolist() == made_by_many.beauty.tolist(), "the same photos, judged by many more"
    made = calibrate(photos)
    noise = np.mean((photos.rating - made_by_many.rating) ** 2)
    expected = noise / np.mean((photos.rating - made.calibrated) ** 2)
    assert calibration_row("m", photos, made)["noise_share"] == pytest.approx(expected, rel=0.1)


def test_calibration_row_leaves_unknown_noise_out() -> None:
    photos = rated(100)
    unknown = replace(photos, noise=np.full(100, np.nan))
    assert calibration_row("m", unknown, calibrate(unknown))["noise_share"] is None
    half = replace(photos, noise=np.where(np.arange(100) < 50, 0.01, np.nan))
    made = calibrate(half)
    expected = 0.01 / np.mean((half.rating - made.calibrated)[:50] ** 2)
    assert calibration_row("m", half, made)["noise_share"] == pytest.approx(expected)


def test_calibrate_repeats_itself() -> None:
    first, second = (calibration_row("m", rated(200), calibrate(rated(200))) for _ in range(2))
    assert first == second


def test_calibrate_refuses_too_few_photos_and_too_few_owners() -> None:
    with pytest.raises(NotCalibrated, match="49 photos that the model has not learnt from .* 50 are needed"):
        calibrate(rated(49))
    one_owner = replace(rated(100), owner=np.array(["a"] * 85 + [str(i) for i in range(15)]))
    with pytest.raises(NotCalibrated, match=r"the smallest has 3 photos \(5 needed\): land ratings of .* more owners"):
        calibrate(one_owner)


def test_fit_curve_is_that_of_scikit_learn_and_never_falls() -> None:
    photos, grid = rated(300), np.linspace(-0.5, 1.5, 501)
    curve = fit_curve(photos.beauty, photos.rating)
    reference = IsotonicRegression(out_of_bounds="clip").fit(photos.beauty, photos.rating)
    np.testing.assert_allclose(curve(grid), reference.predict(grid), atol=1e-12)
    assert (np.diff(curve(grid)) >= 0).all()


def test_deal_into_folds_keeps_owners_together_and_folds_even() -> None:
    owner = np.random.default_rng(0).geometric(0.1, 500).astype(str)
    fold = deal_into_folds(owner, 5, seed=0)
    assert all(len(set(fold[owner == each])) == 1 for each in set(owner))
    assert np.ptp(np.bincount(fold)) <= 5
    assert (fold != deal_into_folds(owner, 5, seed=1)).any()


def test_coverage_rows_count_each_category() -> None:
    photos = rated(900)
    made = calibrate(photos)
    rows = coverage_rows("m", photos, made)
    assert [(row["category"], row["photos"]) for row in rows] == [("birds", 300), ("portraits", 600)]
    assert rows[0]["coverage"] == made.covered[photos.category == "birds"].mean()
    exact = stats.binomtest(round(300 * rows[0]["coverage"]), 300).proportion_ci(0.95, method="exact")
    assert rows[0]["lower"] == pytest.approx(exact.low)
    CALIBRATION_COVERAGE.validate(pa.Table.from_pylist(rows, schema=CALIBRATION_COVERAGE.schema))


def test_reliability_has_bins_of_equally_many_photos() -> None:
    points = reliability(np.arange(20) / 20, np.tile([0.0, 1.0], 10), bins=5)
    assert points["predicted"] == pytest.approx([0.075, 0.275, 0.475, 0.675, 0.875])
    assert points["observed"] == [0.5] * 5
    assert points["upper"][0] - 0.5 == pytest.approx(1.96 * np.sqrt(1 / 3) / 2)
    assert points["lower"][0] == pytest.approx(1 - points["upper"][0])
    assert len(reliability(np.arange(7) / 7, np.zeros(7))["observed"]) == 2


# ---- the lake ----


def model(version: str = "m-1", sequence: int = 1, **config: object) -> dict[str, Any]:
    texts = dict.fromkeys(("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256"), "x")
    numbers = {"sequence": sequence, "parameters": 1, "training_photos": 1}
    return {"model_version": version, **texts, **numbers, "metrics": "[]", "config": json.dumps(config)}


@pytest.fixture
def community(put: Put) -> None:
    """Photos 0..99, rated all but the last ten; every fifth has no image; the training set has photos 0..29."""
    photos = [
        {
            "photo_id": i,
            "user_id": None if i == 31 else i // 2,
            "is_public": i != 33,
            "uri": "" if i % 5 == 4 else f"{i}.jpg",
            "category": "birds" if i < 50 else None,
        }
        for i in range(100)
    ]
    ratings = [
        {
            "photo_id": i,
            "n": 4,
            "mean_rating": 1 + i / 30,
            "standard_error": None if i == 32 else 0.4,
            "rating_scaled": i / 120,
            "scale_max": 5,
        }
        for i in range(90)
    ]
    learnt = [
        {"photo_id": i, "uri": "x", "metric": 1.0, "metric_source": "m", "bucket": "low", "split": split}
        for i, split in enumerate(["train", "validation", "test"] * 10)
    ]
    put(photos=photos, photo_ratings=ratings, training_set=learnt)


@pytest.mark.usefixtures("community")
def test_photos_to_score_have_ratings_and_an_image_and_were_not_learnt_from(lake: Lake) -> None:
    learnt = model(training_set=lake.fingerprints(TRAINING_SET.key))
    expected = [i for i in range(90) if i % 5 != 4 and i != 33]
    assert photos_to_score(lake, learnt) == [i for i in expected if i >= 30 or i % 3 == 2]
    assert photos_to_score(lake, model(request={})) == expected


@pytest.mark.usefixtures("community")
def test_photos_to_score_refuses_a_model_whose_training_set_is_gone(lake: Lake) -> None:
    with pytest.raises(NotCalibrated, match="m-1 learnt from another training set .*: materialize beauty_model"):
        photos_to_score(lake, model(training_set={"training_set/undated": "before"}))


@pytest.mark.usefixtures("community")
def test_photos_to_score_says_how_many_ratings_lack(lake: Lake) -> None:
    lake.drop(PHOTO_RATINGS.key, UNDATED)
    with pytest.raises(NotCalibrated, match="0 photos .* 50 are needed: land more crowd ratings"):
        photos_to_score(lake, model())


@pytest.mark.usefixtures("community")
def test_read_rated_photos_joins_scores_with_ratings(lake: Lake) -> None:
    rows = [
        {"photo_id": i, "model_version": "m-1", "preprocessing_hash": "x", "beauty": 0.25, "p_low": None}
        for i in (30, 31, 32, 60)
    ]
    lake.zone(ZONE).write(SCORES, "m-1", SCORES.conform(pa.Table.from_pylist(rows, schema=SCORES.schema)))
    found = read_rated_photos(lake, "m-1")
    assert found.beauty.tolist() == [0.25] * 4
    assert found.rating.tolist() == [30 / 120, 31 / 120, 32 / 120, 60 / 120]
    assert found.noise == pytest.approx([0.01, 0.01, np.nan, 0.01], nan_ok=True)
    assert found.ratings.tolist() == [4] * 4
    assert found.owner.tolist() == ["user 15", "photo 31", "user 16", "user 30"]
    assert found.category.tolist() == ["birds", "birds", "birds", "uncategorised"]
    assert len(read_rated_photos(lake, "m-2")) == 0


def test_find_model_is_the_newest_or_the_named_one(lake: Lake, put: Put) -> None:
    assert find_model(lake, "") is None
    put(beauty_model=[model("m-1", 2), model("m-2", 1)])
    assert find_model(lake, "")["model_version"] == "m-1"
    assert find_model(lake, "m-2")["sequence"] == 1
    assert find_model(lake, "m-3") is None


def test_publish_calibration_replaces_one_version_and_keeps_the_others(lake: Lake) -> None:
    for version, seed in (("m-1", 1), ("m-2", 2), ("m-1", 3)):
        photos = rated(100, seed)
        publish_calibration(lake, version, (photos, calibrate(photos)), "code", {"photo_ratings/undated": "x"})
    third = calibrate(rated(100, 3))
    rows = {row["model_version"]: row for row in lake.read(BEAUTY_CALIBRATION).to_pylist()}
    assert rows.keys() == {"m-1", "m-2"}
    assert rows["m-1"]["half_width"] == third.half_width
    assert rows["m-1"]["knots_beauty"] == third.curve.beauty.tolist()
    assert lake.read(CALIBRATION_COVERAGE).num_rows == 4
    assert lake.is_current(BEAUTY_CALIBRATION, UNDATED, code_version="code", inputs={"photo_ratings/undated": "x"})

    publish_calibration(lake, "m-1", None, "code", {})
    assert lake.read(BEAUTY_CALIBRATION)["model_version"].to_pylist() == ["m-2"]
    assert set(lake.read(CALIBRATION_COVERAGE)["model_version"].to_pylist()) == {"m-2"}


def test_calibration_note_says_by_what_scores_are_calibrated_or_why_not(lake: Lake) -> None:
    assert calibration_note(lake, "m-1") == "none: beauty_calibration was not made for this model"
    write_summary(lake, "m-1", None, "3 photos are rated")
    assert calibration_note(lake, "m-1") == "none: 3 photos are rated"
    photos = rated(100)
    made = photos, calibrate(photos)
    publish_calibration(lake, "m-1", made, "code", {})
    assert calibration_note(lake, "m-1") == f"by 100 rated photos; interval of +- {made[1].half_width:.3f}"
