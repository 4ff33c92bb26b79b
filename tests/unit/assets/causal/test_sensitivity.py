import itertools

import numpy as np
import pytest

from assets.causal.sensitivity import (
    e_value,
    e_value_of_means,
    e_value_of_risks,
    gamma_star,
    hodges_lehmann,
    p_values,
    rosenbaum_bounds,
)

EFFECT = np.random.default_rng(0).normal(0.6, 1, 100)


def test_p_values_at_one_are_wilcoxons():
    from scipy.stats import wilcoxon

    expected = wilcoxon(EFFECT, alternative="greater", method="asymptotic", correction=False).pvalue
    assert p_values(EFFECT, 1.0, "dropped") == pytest.approx((expected, expected))


def test_p_values_bound_the_exact_ones_of_a_biased_assignment():
    """Among all signs with probability gamma / (1 + gamma), as the theory has it."""
    differences, gamma = np.array([1.1, 2.3, -0.7, 3.2, 4.6, 5.1, -0.2, 0.9, 1.8, 2.9, 3.7, 0.4]), 1.5
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    observed, high = ranks[differences > 0].sum(), gamma / (1 + gamma)
    signs = np.array(list(itertools.product([0, 1], repeat=12)))
    chance = high ** signs.sum(axis=1) * (1 - high) ** (12 - signs.sum(axis=1))
    exact = chance[signs @ ranks >= observed].sum()
    assert p_values(differences, gamma, "dropped")[1] == pytest.approx(exact, abs=0.02)


def test_conventions_for_zero_pairs_differ_and_agree_without_any():
    with_zeros = np.concatenate([EFFECT[:40], np.zeros(20)])
    assert p_values(with_zeros, 1.2, "ranked")[1] > p_values(with_zeros, 1.2, "dropped")[1]
    assert p_values(EFFECT, 1.2, "ranked") == p_values(EFFECT, 1.2, "dropped")
    assert p_values(np.zeros(5), 1.0, "dropped") == p_values(np.zeros(5), 1.0, "ranked") == (1.0, 1.0)


def test_p_values_refuse_gamma_below_one():
    with pytest.raises(ValueError, match="at least 1, found 0.9"):
        p_values(EFFECT, 0.9, "dropped")


def test_hodges_lehmann_at_one_is_the_median_of_walsh_averages():
    i, j = np.triu_indices(len(EFFECT))
    walsh = np.median((EFFECT[i] + EFFECT[j]) / 2)
    assert hodges_lehmann(EFFECT, 1.0) == pytest.approx((walsh, walsh), abs=0.01)


def test_bounds_widen_with_gamma_and_hold_those_inside():
    bounds = rosenbaum_bounds(EFFECT, (1.0, 1.5, 2.5))
    for narrow, wide in itertools.pairwise(bounds):
        assert wide.p_lower < narrow.p_lower <= narrow.p_upper < wide.p_upper
        assert wide.effect_lower < narrow.effect_lower <= narrow.effect_upper < wide.effect_upper


def test_gamma_star_is_where_the_test_stops_rejecting():
    star = gamma_star(EFFECT)
    assert star > 1.5
    assert p_values(EFFECT, star - 1e-6, "dropped")[1] <= 0.025 < p_values(EFFECT, star + 1e-6, "dropped")[1]
    assert gamma_star(-EFFECT) == pytest.approx(star)
    assert gamma_star(np.random.default_rng(0).normal(0, 1, 50)) == 1.0


def test_e_value_is_that_of_vanderweele_and_ding():
    """Their example of maternal breastfeeding: risk ratio 3.9 (1.8 to 8.7) has E-values 7.2 and 3.0."""
    assert e_value(3.9, 1.8) == pytest.approx((7.26, 3.0), abs=0.01)
    assert e_value(1 / 3.9, 1 / 1.8) == pytest.approx(e_value(3.9, 1.8))
    assert e_value(1.5, 0.9)[1] == 1.0
    with pytest.raises(ValueError, match="positive"):
        e_value(0.0, 1.0)


def test_e_value_of_means_goes_through_the_standardised_difference():
    found = e_value_of_means(1.0, 0.5, 1.5, 2.0)
    assert found.risk_ratio == pytest.approx(np.exp(0.455))
    assert (found.estimate, found.interval) == e_value(float(np.exp(0.91 / 2)), float(np.exp(0.91 / 4)))
    mirrored = e_value_of_means(-1.0, -1.5, -0.5, 2.0)
    assert (mirrored.estimate, mirrored.interval) == pytest.approx((found.estimate, found.interval))
    assert np.isnan(e_value_of_means(1.0, 0.5, 1.5, 0.0).estimate)


def test_e_value_of_risks_is_that_of_their_ratio():
    found = e_value_of_risks(0.2, 0.1, 0.05, 0.15)
    assert (found.estimate, found.interval) == pytest.approx(e_value(1.5, 1.25))
    assert e_value_of_risks(0.2, 0.1, -0.01, 0.21).interval == 1.0
    assert np.isnan(e_value_of_risks(0.0, 0.1, 0.05, 0.15).estimate)
