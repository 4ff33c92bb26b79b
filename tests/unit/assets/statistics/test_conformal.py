import math

import numpy as np
import pytest
from scipy import stats

from assets.statistics.conformal import conformal_half_width, coverage_interval


def test_conformal_half_width_is_the_order_statistic_of_the_method() -> None:
    residuals = np.array([-1, 2, -3, 4, -5, 6, -7, 8, -9, 10, -11, 12, -13, 14, -15, 16, -17, 18, -19])
    assert conformal_half_width(residuals, 0.90) == 18
    assert conformal_half_width(residuals, 0.50) == 10
    assert conformal_half_width(residuals[:18], 0.90) == 18


def test_conformal_half_width_is_infinite_where_residuals_are_too_few() -> None:
    assert conformal_half_width(np.ones(9), 0.90) == 1
    assert math.isinf(conformal_half_width(np.ones(8), 0.90))
    assert math.isinf(conformal_half_width([], 0.90))


def test_conformal_half_width_covers_new_units_as_often_as_it_says() -> None:
    """Over calibration sets of 19, coverage of one new unit is exactly 18 / 20."""
    draws = np.random.default_rng(0).standard_t(3, (4000, 20))
    inside = [abs(row[0]) <= conformal_half_width(row[1:], 0.90) for row in draws]
    low, high = stats.binom.interval(0.99, len(draws), 0.90)
    assert low <= sum(inside) <= high


def test_coverage_interval_of_independent_units_is_that_of_clopper_and_pearson() -> None:
    covered = np.arange(40) >= 4
    found = coverage_interval(covered, np.arange(40))
    exact = stats.binomtest(36, 40).proportion_ci(0.95, method="exact")
    assert (found.value, found.n) == (0.9, 40)
    assert found.lower == pytest.approx(exact.low)
    assert found.upper == pytest.approx(exact.high)


def test_coverage_interval_of_copies_is_no_narrower_than_that_of_the_originals() -> None:
    covered = np.arange(40) >= 4
    once = coverage_interval(covered, np.arange(40))
    copied = coverage_interval(np.repeat(covered, 5), np.repeat(np.arange(40), 5))
    assert copied.n == 200
    assert copied.upper - copied.lower == pytest.approx(once.upper - once.lower, rel=0.1)


def test_coverage_interval_reaches_the_end_where_all_or_none_are_covered() -> None:
    all_of_them = coverage_interval(np.ones(30, bool), np.arange(30))
    none = coverage_interval(np.zeros(30, bool), np.arange(30))
    assert (all_of_them.upper, none.lower) == (1.0, 0.0)
    assert all_of_them.lower == pytest.approx(0.025 ** (1 / 30))
    assert none.upper == pytest.approx(1 - 0.025 ** (1 / 30))


def test_coverage_interval_of_one_group_is_open_and_of_nothing_is_refused() -> None:
    found = coverage_interval([True, False], ["a", "a"])
    assert found.value == 0.5
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)
    with pytest.raises(ValueError, match="share of no units"):
        coverage_interval([], [])
