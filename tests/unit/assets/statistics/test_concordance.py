import math

import numpy as np
import pytest
from scipy import stats

from assets.statistics.concordance import WHOLE, concordance, mean_interval


def pairs(n: int, seed: int = 0, levels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Correlated values with many ties on either side."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = x + rng.normal(size=n)
    return np.rint(x * levels / 3), np.rint(y * levels / 4)


def accuracy_pair_by_pair(x: np.ndarray, y: np.ndarray) -> float:
    right = [
        0.5 if x[i] == x[j] else float((x[i] < x[j]) == (y[i] < y[j]))
        for i in range(len(x))
        for j in range(i)
        if y[i] != y[j]
    ]
    return float(np.mean(right))


def test_concordance_agrees_with_scipy_and_with_counting_on_ties() -> None:
    x, y = pairs(120)
    found = concordance(x, y, resamples=50)
    assert found["spearman"].value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert found["kendall_tau_b"].value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert found["pearson"].value == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert found["pairwise_accuracy"].value == pytest.approx(accuracy_pair_by_pair(x, y), abs=1e-12)


def test_concordance_resamples_give_what_the_drawn_pairs_give() -> None:
    x, y = pairs(60)
    drawn = {name: [] for name in ("spearman", "kendall_tau_b", "pairwise_accuracy", "pearson")}
    rng = np.random.default_rng(5)
    for _ in range(40):
        picked = rng.integers(0, 60, 60)
        drawn["spearman"].append(stats.spearmanr(x[picked], y[picked]).statistic)
        drawn["kendall_tau_b"].append(stats.kendalltau(x[picked], y[picked]).statistic)
        drawn["pairwise_accuracy"].append(accuracy_pair_by_pair(x[picked], y[picked]))
        drawn["pearson"].append(stats.pearsonr(x[picked], y[picked]).statistic)
    found = concordance(x, y, resamples=40, seed=5)
    for name, values in drawn.items():
        ends = np.quantile(values, [0.025, 0.975])
        assert (found[name].lower, found[name].upper) == pytest.approx(tuple(ends), abs=1e-9), name


def test_concordance_of_many_pairs_has_intervals_as_narrow_as_theory_says() -> None:
    rng = np.random.default_rng(1)
    n = 4 * WHOLE
    x = rng.normal(size=n)
    y = 0.6 * x + 0.8 * rng.normal(size=n)
    found = concordance(x, y, resamples=400)
    # Bonett and Wright (2000): standard errors of Fisher's z.
    for name, truth, error in (
        ("spearman", 6 / math.pi * math.asin(0.3), math.sqrt((1 + 0.58**2 / 2) / (n - 3))),
        ("kendall_tau_b", 2 / math.pi * math.asin(0.6), math.sqrt(0.437 / (n - 4))),
        ("pearson", 0.6, math.sqrt(1 / (n - 3))),
    ):
        error *= 1 - truth**2
        assert abs(found[name].value - truth) < 3 * error, name
        assert found[name].upper - found[name].lower == pytest.approx(2 * 1.96 * error, rel=0.2), name


def test_concordance_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    truth = {"spearman": 6 / math.pi * math.asin(0.3), "kendall_tau_b": 2 / math.pi * math.asin(0.6), "pearson": 0.6}
    truth["pairwise_accuracy"] = (1 + truth["kendall_tau_b"]) / 2
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=80)
        found = concordance(x, 0.6 * x + 0.8 * rng.normal(size=80), resamples=300, seed=seed)
        for name, value in truth.items():
            covered[name] += found[name].lower <= value <= found[name].upper
    # 99 % binomial region of 95 % in 200 trials.
    assert all(181 <= times <= 197 for times in covered.values()), covered


def test_concordance_is_not_a_number_where_a_side_does_not_vary() -> None:
    found = concordance([1, 1, 1], [1, 2, 3], resamples=10)
    assert found["pairwise_accuracy"].value == 0.5
    assert all(math.isnan(found[name].value) for name in ("spearman", "kendall_tau_b", "pearson"))
    assert math.isnan(concordance([1, 2, 3], [1, 1, 1], resamples=10)["pairwise_accuracy"].value)
    assert all(math.isnan(one.value) for one in concordance([], []).values())
    assert all(math.isnan(one.lower) for one in concordance([1], [1]).values())


def test_concordance_repeats_itself() -> None:
    x, y = pairs(50)
    assert concordance(x, y, seed=3, resamples=30) == concordance(x, y, seed=3, resamples=30)
    assert concordance(x, y, seed=3, resamples=30) != concordance(x, y, seed=4, resamples=30)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [([1, 2], [1, 2, 3], r"shapes \(2,\) and \(3,\)"), ([1, float("nan")], [1, 2], "leave out pairs")],
)
def test_concordance_refuses_unusable_pairs(x: list[float], y: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        concordance(x, y)


def test_mean_interval_is_that_of_the_normal_law_for_many_values() -> None:
    values = np.random.default_rng(2).exponential(size=2000)
    found = mean_interval(values)
    reach = 1.96 * values.std() / math.sqrt(2000)
    assert found.value == pytest.approx(values.mean())
    assert (found.lower, found.upper) == pytest.approx((found.value - reach, found.value + reach), abs=0.15 * reach)
    assert math.isnan(mean_interval([1]).lower)
    with pytest.raises(ValueError, match="finite values"):
        mean_interval([1, float("inf")])
