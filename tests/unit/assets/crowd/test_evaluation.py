from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from assets.contracts.crowd_results import BEAUTY_EVALUATION
from assets.contracts.lake import Lake
from assets.crowd.evaluation import EvaluationConfig, evaluate_beauty, evaluation_report, judged_versions

Put = Callable[..., None]
Found = dict[tuple[str, ...], dict[str, Any]]
QUICK = EvaluationConfig(resamples=60)
PHOTOS = 80


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(4).normal(size=PHOTOS)


@pytest.fixture
def community(put: Put, truth: np.ndarray) -> dict[str, np.ndarray]:
    """80 photos, 60 of them rated, of which a good model missed 3 and learnt from 5; a random model scored 30."""
    rng = np.random.default_rng(5)
    good = 1 / (1 + np.exp(-truth - 0.3 * rng.normal(size=PHOTOS)))
    rating = np.clip(3 + truth, 1, 5)
    votes = rng.multinomial(50, [0.1] * 10, size=PHOTOS)
    model = {"preprocessing_hash": "p", "model_version": "good"}
    texts = ("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256", "metrics", "config")
    numbers = {"parameters": 1, "training_photos": 1, "sequence": 2}
    learnt = {"uri": "x", "metric": 0.5, "metric_source": "social_metric", "bucket": "low", "split": "train"}
    put(
        photos=[
            {"photo_id": i, "is_public": True, "uri": "x", "category": "sky" if i < 50 else "sea"}
            for i in range(PHOTOS)
        ],
        photo_ratings=[
            {"photo_id": i, "n": 5, "mean_rating": rating[i], "rating_scaled": (rating[i] - 1) / 4, "scale_max": 5}
            for i in range(60)
        ],
        labels=[
            {"photo_id": i, "source": "bench", "mean": 5.5 + truth[i], "n": 50, "histogram": votes[i].tolist(),
             "tags": ["even", "all"] if i % 2 == 0 else ["all"]}
            for i in range(PHOTOS)
        ],
        scores=[
            *({"photo_id": i, "beauty": good[i], **model} for i in range(3, PHOTOS)),
            *({"photo_id": i, "beauty": rng.random(), **model, "model_version": "noise"} for i in range(30)),
            *({"photo_id": i, "beauty": 0.5, **model, "model_version": "rare"} for i in range(19)),
        ],
        beauty_model=[{"model_version": "good", **dict.fromkeys(texts, "x"), **numbers}],
        training_set=[{"photo_id": i, **learnt} for i in range(10, 15)],
    )  # fmt: skip
    return {"good": good.astype(np.float32).astype(np.float64), "rating": rating, "votes": votes}


def evaluated(lake: Lake, config: EvaluationConfig = QUICK, version: str = "") -> Found:
    rows = evaluate_beauty(lake, config, version)
    BEAUTY_EVALUATION.validate(rows)
    return {tuple(row[name] for name in BEAUTY_EVALUATION.primary_key): row for row in rows.to_pylist()}


def test_evaluate_beauty_compares_on_photos_that_a_model_has_not_learnt_from(
    lake: Lake, community: dict[str, np.ndarray]
) -> None:
    found = evaluated(lake)
    used = [i for i in range(3, 60) if not 10 <= i < 15]
    row = found["good", "photo_ratings", "all", "all", "spearman"]
    assert (row["photos"], row["missing_photos"], row["left_out_photos"]) == (52, 3, 5)
    assert row["value"] == pytest.approx(stats.spearmanr(community["good"][used], community["rating"][used]).statistic)
    assert row["lower"] < row["value"] < row["upper"]
    noise = found["noise", "photo_ratings", "all", "all", "spearman"]
    assert (noise["photos"], noise["missing_photos"], noise["left_out_photos"]) == (30, 30, 0)
    assert noise["upper"] < row["lower"]
    assert {key[0] for key in found} == {"good", "noise"}, "19 photos are too few"


def test_evaluate_beauty_gives_strata_without_values_where_photos_are_few(
    lake: Lake, community: dict[str, np.ndarray]
) -> None:
    found = evaluated(lake)
    assert {key[2:4] for key in found if key[1] == "photo_ratings"} == {
        ("all", "all"), ("category", "sky"), ("category", "sea")
    }  # fmt: skip
    sea = found["good", "photo_ratings", "category", "sea", "kendall_tau_b"]
    assert (sea["value"], sea["lower"], sea["photos"], sea["missing_photos"]) == (None, None, 10, 0)
    sky = found["good", "photo_ratings", "category", "sky", "pairwise_accuracy"]
    assert (sky["photos"], sky["missing_photos"], sky["left_out_photos"]) == (42, 3, 5)
    assert sky["value"] > 0.7


def test_evaluate_beauty_places_scores_on_the_scale_of_labels(
    lake: Lake, community: dict[str, np.ndarray], truth: np.ndarray
) -> None:
    found = evaluated(lake)
    used = [i for i in range(3, PHOTOS) if not 10 <= i < 15]
    score = community["good"][used]
    right = (1 + 9 * score > 5.5) == (5.5 + truth[used] > 5.5)
    accuracy = found["good", "bench", "all", "all", "accuracy_at_midpoint"]
    assert accuracy["value"] == pytest.approx(right.mean())
    given = np.cumsum(community["votes"][used] / 50, axis=1)
    predicted = np.array([np.cumsum(stats.binom.pmf(np.arange(10), 9, b)) for b in score])
    emd = found["good", "bench", "all", "all", "emd"]
    assert emd["value"] == pytest.approx(np.abs(given - predicted).mean(), abs=1e-9)
    assert emd["lower"] < emd["value"] < emd["upper"]
    cut = evaluated(lake, EvaluationConfig(resamples=60, cuts={"bench": 5.0}))
    right = (1 + 9 * score > 5.0) == (5.5 + truth[used] > 5.0)
    assert cut["good", "bench", "all", "all", "accuracy_at_midpoint"]["value"] == pytest.approx(right.mean())


def test_evaluate_beauty_gives_the_mean_residual_of_each_tag(
    lake: Lake, community: dict[str, np.ndarray], truth: np.ndarray
) -> None:
    found = evaluated(lake)
    used = [i for i in range(3, PHOTOS) if not 10 <= i < 15]
    fit = stats.linregress(community["good"][used], 5.5 + truth[used])
    even = [i for i in used if i % 2 == 0]
    expected = (5.5 + truth[even] - fit.intercept - fit.slope * community["good"][even]).mean()
    row = found["good", "bench", "tag", "even", "residual"]
    assert row["value"] == pytest.approx(expected)
    assert (row["photos"], row["missing_photos"], row["left_out_photos"]) == (len(even), 2, 3)
    assert found["good", "bench", "tag", "all", "residual"]["value"] == pytest.approx(0, abs=1e-9)
    assert not [key for key in found if key[1] == "photo_ratings" and key[2] == "tag"]


def test_evaluate_beauty_without_a_scale_gives_rank_statistics_only(lake: Lake, put: Put, truth: np.ndarray) -> None:
    put(
        labels=[{"photo_id": i, "source": "plain", "mean": truth[i], "n": 5} for i in range(PHOTOS)],
        scores=[
            {"photo_id": i, "beauty": i / PHOTOS, "model_version": "m", "preprocessing_hash": ""} for i in range(PHOTOS)
        ],
    )
    assert {key[4] for key in evaluated(lake)} == {"spearman", "kendall_tau_b", "pairwise_accuracy", "pearson"}
    scaled = evaluated(lake, EvaluationConfig(resamples=60, scales={"plain": (-3, 3)}))
    right = (-3 + 6 * np.arange(PHOTOS) / PHOTOS > 0) == (truth > 0)
    assert scaled["m", "plain", "all", "all", "accuracy_at_midpoint"]["value"] == pytest.approx(right.mean())


def test_evaluate_beauty_without_people_gives_no_row(lake: Lake) -> None:
    assert evaluate_beauty(lake).num_rows == 0


@pytest.mark.usefixtures("community")
def test_evaluation_report_shows_one_version_or_says_which_there_are(lake: Lake) -> None:
    text = evaluation_report(lake, "noise", QUICK)
    assert text.splitlines()[0].split() == [
        "predictor", "reference", "stratum", "statistic", "value", "lower", "upper", "photos", "missing"
    ]  # fmt: skip
    *lines, unknown = text.splitlines()[1:]
    assert {line.split()[0] for line in lines} == {"noise"}
    assert unknown == "9 lines without a value are not shown: fewer than 20 photos, or nothing varies"
    assert "\n5 photos are left out, because models learnt from them" in evaluation_report(lake, "good", QUICK)
    with pytest.raises(ValueError, match="a score of model version 'best'; there are scores of good, noise, rare"):
        evaluation_report(lake, "best", QUICK)
    with pytest.raises(ValueError, match="fewer than 20 photos have both a score and what people say"):
        evaluation_report(lake, "rare", QUICK)


@pytest.mark.usefixtures("community")
def test_judged_versions_are_the_newest_model_or_all_ready_made_ones(lake: Lake, put: Put) -> None:
    rows = evaluate_beauty(lake, QUICK)
    assert judged_versions(lake, rows) == {"good"}
    lake.drop("beauty_model", "undated")
    assert judged_versions(lake, rows) == {"good", "noise"}
