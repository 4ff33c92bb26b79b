"""Errors against textbook formulas, and coverage of their intervals where the effect is known.

Coverage counts are judged by the 99 % binomial region around 95 % of the samples.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from assets.causal import errors
from assets.causal.analysis import effect_of, form_matched_sample
from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.effects import estimate, unit_effects, weighted_scores
from assets.causal.matched import Pairs
from assets.causal.points import Points

SEEDS = 200
E = Experiment("drawn", "treated", "outcome", ("x", "z"))
COVERED = {
    "abadie-imbens": (E, Design(metric="mahalanobis", replacement=True, bias_adjusted=True)),
    "one variance": (E, Design(metric="mahalanobis", replacement=True, bias_adjusted=True, variance_matches=0)),
    "average effect": (
        replace(E, estimand="ATE"),
        Design(metric="mahalanobis", replacement=True, ratio=2, bias_adjusted=True),
    ),
    "matched sets": (E, Design(metric="mahalanobis", caliper_sd=0.2, bias_adjusted=True)),
    "users, with": (
        replace(E, cluster="user_id"),
        Design(metric="mahalanobis", replacement=True, bias_adjusted=True),
    ),
    "users, without": (replace(E, cluster="user_id"), Design(metric="mahalanobis", caliper_sd=0.2, bias_adjusted=True)),
}


@pytest.mark.parametrize("name", COVERED)
def test_intervals_cover_the_effect_at_their_level(draw, name):
    experiment, design = COVERED[name]
    effect = 0.0 if name == "one variance" else 1.0
    users, covered = (80 if experiment.cluster else None), 0
    for seed in range(SEEDS):
        matched = form_matched_sample(draw(seed, effect=effect, users=users), experiment, design)
        found = effect_of(matched, matched.sample.outcome)
        covered += found.lower <= effect <= found.upper
    low, high = stats.binom.interval(0.99, SEEDS, 0.95)
    assert low <= covered <= high


def test_clustered_error_of_pairs_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), rng.normal(size=40)
    outcome, treated, pair = np.r_[a, b], np.arange(80) < 40, np.r_[np.arange(40), np.arange(40)]
    value, scores = weighted_scores(np.ones(80), treated, outcome)
    test = stats.ttest_rel(a, b)
    assert value / errors.clustered_error(scores, pair) == pytest.approx(test.statistic)


def test_clustered_error_agrees_with_statsmodels_one_and_two_ways():
    import statsmodels.api as sm
    from statsmodels.stats.sandwich_covariance import cov_cluster

    rng = np.random.default_rng(1)
    treated, outcome, weights = rng.random(200) < 0.4, rng.normal(size=200), rng.random(200)
    first, second = rng.integers(0, 30, 200), rng.integers(0, 25, 200)
    value, scores = weighted_scores(weights, treated, outcome)
    fit = sm.WLS(outcome, np.column_stack([np.ones(200), treated]), weights=weights).fit()
    assert value == pytest.approx(fit.params[1])
    one = np.sqrt(cov_cluster(fit, first, use_correction=False)[1, 1] * 30 / 29)
    assert errors.clustered_error(scores, first) == pytest.approx(one)
    both = first * 100 + second
    n_both = len(set(both.tolist()))
    parts = [(first, 30), (second, 25), (both, n_both)]
    variance = [cov_cluster(fit, g, use_correction=False)[1, 1] * n / (n - 1) for g, n in parts]
    expected = np.sqrt(max(variance[0] + variance[1] - variance[2], *variance[:2]))
    assert errors.clustered_error(scores, first, second) == pytest.approx(expected)


def test_clustered_error_refuses_one_cluster():
    with pytest.raises(CannotMatchError, match="at least two matched clusters, found 1"):
        errors.clustered_error(np.array([0.5, -0.5]), np.array([3, 3]))


def test_abadie_imbens_error_of_distinct_pairs_is_that_of_their_effects():
    pairs = Pairs(np.arange(4), np.arange(4, 8), np.ones(4), np.zeros(4))
    effects = np.array([1.0, 2.0, 4.0, 5.0])
    expected = np.sqrt(np.sum((effects - 3) ** 2)) / 4
    assert errors.abadie_imbens_error(pairs, effects, np.full(8, 9.0)) == pytest.approx(expected)


def test_abadie_imbens_error_grows_with_the_reuse_of_a_control():
    effects = np.array([1.0, 2.0, 4.0, 5.0])
    reused = Pairs(np.arange(4), np.full(4, 7), np.ones(4), np.zeros(4))
    expected = np.sqrt(np.sum((effects - 3) ** 2) + (16 - 4) * 9) / 4
    assert errors.abadie_imbens_error(reused, effects, np.full(8, 9.0)) == pytest.approx(expected)


def test_neighbour_variance_is_that_of_brute_force():
    rng = np.random.default_rng(2)
    n = 60
    points = Points(rng.normal(size=(n, 2)), rng.integers(0, 2, n), np.inf, np.zeros((n, 0)), np.zeros(0))
    treated, outcome = rng.random(n) < 0.5, rng.normal(size=n)
    found = errors.neighbour_variance(points, treated, outcome, np.arange(n), 2)
    for i in range(n):
        others = [j for j in range(n) if j != i and treated[j] == treated[i] and points.stratum[j] == points.stratum[i]]
        near = sorted(others, key=lambda j, i=i: ((points.coordinates[i] - points.coordinates[j]) ** 2).sum())[:2]
        assert found[i] == pytest.approx(2 / 3 * (outcome[i] - outcome[near].mean()) ** 2)


def test_neighbour_variance_of_a_unit_alone_is_the_mean_of_the_others():
    points = Points(np.arange(4.0)[:, None], np.array([0, 0, 0, 1]), np.inf, np.zeros((4, 0)), np.zeros(0))
    treated, outcome = np.zeros(4, dtype=bool), np.array([0.0, 2.0, 4.0, 100.0])
    found = errors.neighbour_variance(points, treated, outcome, np.arange(4), 1)
    assert found[:3] == pytest.approx([2.0, 2.0, 2.0])
    assert found[3] == pytest.approx(2.0)
    with pytest.raises(CannotMatchError, match="no unit has a neighbour"):
        errors.neighbour_variance(points, treated, outcome, np.array([3]), 1)


def test_within_strata_error_is_neymans():
    stratum, treated = np.array([0, 0, 0, 0, 1, 1, 1, 1, -1]), np.array([1, 1, 0, 0] * 2 + [1], dtype=bool)
    outcome = np.array([1.0, 3.0, 0.0, 2.0, 5.0, 9.0, 1.0, 1.0, 50.0])
    found = errors.within_strata_error(stratum, np.array([1.0] * 8 + [0.0]), treated, outcome)
    assert found == pytest.approx(np.sqrt(0.25 * ((2 + 2) / 2) + 0.25 * ((8 + 0) / 2)))
    assert errors.within_strata_error(stratum[1:], np.array([1.0] * 7 + [0.0]), treated[1:], outcome[1:]) is None


def test_bootstrap_of_scores_agrees_with_the_error_by_cluster():
    rng = np.random.default_rng(3)
    scores, clusters = rng.normal(size=2000) / 2000, rng.integers(0, 400, 2000)
    scores -= scores.mean()
    low, high = errors.bootstrap_interval_of_scores(1.0, scores, clusters)
    assert (high - low) / (2 * 1.96) == pytest.approx(errors.clustered_error(scores, clusters), rel=0.1)
    assert low < 1 < high
    with pytest.raises(CannotMatchError, match="at least two clusters"):
        errors.bootstrap_interval_of_scores(1.0, scores, np.zeros(2000))


def test_estimate_without_an_error_has_no_interval():
    found = estimate(1.0, float("nan"), 3, "unknown")
    assert np.isnan([found.lower, found.upper, found.p_value]).all()
    assert estimate(0.5, 0.25, 3, "known").p_value == pytest.approx(2 * stats.norm.sf(2))


def test_unit_effects_average_the_matches_and_adjust_for_what_is_left():
    outcome, x = np.array([10.0, 1.0, 3.0, 5.0]), np.array([[2.0], [0.0], [1.0], [2.0]])
    treated = np.array([True, False, False, False])
    pairs = Pairs(np.zeros(3, np.int64), np.array([1, 2, 3]), np.full(3, 1 / 3), np.zeros(3))
    assert unit_effects(pairs, treated, outcome) == pytest.approx([7.0])
    assert unit_effects(pairs, treated, outcome, x) == pytest.approx([5.0])  # controls rise by 2 per unit of x
