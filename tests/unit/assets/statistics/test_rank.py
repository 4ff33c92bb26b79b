import math

import numpy as np
import pytest
from scipy import stats

from assets.statistics.rank import spearman, spearman_interval


def test_spearman_agrees_with_scipy_on_ties() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 100), rng.integers(0, 5, 100)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_spearman_leaves_out_incomplete_pairs() -> None:
    assert spearman([1, 2, float("nan"), 3], [1, 2, -9, 3]) == 1


def test_spearman_of_a_constant_is_not_a_number() -> None:
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))
    assert math.isnan(spearman([1], [1]))


def test_spearman_interval_holds_the_estimate_and_the_truth() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)
    found = spearman_interval(x, x + rng.normal(size=400))
    truth = 6 / math.pi * math.asin(math.sqrt(0.5) / 2)
    assert found.lower < truth < found.upper
    assert found.lower < found.value < found.upper
    assert found.upper - found.lower < 0.15


def test_spearman_interval_resamples_groups() -> None:
    x = np.arange(12.0)
    found = spearman_interval(x, x[::-1], groups=np.repeat([0, 1, 2], 4))
    assert (found.value, found.n) == (-1, 3)


def test_spearman_interval_refuses_arrays_of_two_lengths() -> None:
    with pytest.raises(ValueError, match=r"found shapes \(2,\) and \(3,\)"):
        spearman_interval([1, 2], [1, 2, 3])
