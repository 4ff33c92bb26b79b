import numpy as np
import pytest
from scipy.stats import spearmanr

from models.evaluation import bootstrapped, low_high_accuracy, spearman


def test_spearman_agrees_with_scipy_under_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 50), rng.integers(0, 7, 50)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_spearman_of_a_constant_is_undefined():
    assert np.isnan(spearman(np.ones(5), np.arange(5)))


def test_low_high_accuracy_weights_both_sides_equally():
    beauty = np.array([0.9, 0.9, 0.9, 0.9])
    assert low_high_accuracy(beauty, np.array([True, True, True, False])) == 0.5
    assert np.isnan(low_high_accuracy(beauty, np.ones(4, bool)))


def test_bootstrapped_covers_the_estimate_and_repeats():
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    b = a + rng.normal(size=200)
    first, again = bootstrapped(spearman, a, b), bootstrapped(spearman, a, b)
    assert first == again
    assert first.lower < first.value < first.upper
    assert first.n == 200


def test_bootstrapped_over_groups_knows_that_ten_copies_say_no_more_than_one():
    rng = np.random.default_rng(1)
    a = rng.normal(size=60)
    b = a + rng.normal(size=60)
    once = bootstrapped(spearman, a, b)
    copies, owner = [np.tile(values, 10) for values in (a, b)], np.tile(np.arange(60), 10)
    by_row, by_owner = bootstrapped(spearman, *copies), bootstrapped(spearman, *copies, groups=owner)
    assert by_owner.value == pytest.approx(once.value)
    assert (by_owner.lower, by_owner.upper) == pytest.approx((once.lower, once.upper), abs=1e-12)
    assert by_row.upper - by_row.lower < 0.5 * (once.upper - once.lower)


def test_bootstrapped_says_nothing_of_too_few_groups_however_many_rows():
    a = np.arange(40)
    assert bootstrapped(spearman, a, a, groups=a % 3).to_dict() == {
        "value": None,
        "n": 40,
        "lower": None,
        "upper": None,
    }


def test_bootstrapped_says_nothing_of_too_few_rows():
    assert bootstrapped(spearman, np.arange(3), np.arange(3)).to_dict() == {
        "value": None,
        "n": 3,
        "lower": None,
        "upper": None,
    }
