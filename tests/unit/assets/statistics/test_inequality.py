import math

import numpy as np
import pytest
from scipy import stats

from assets.statistics.gini import gini, top_share
from assets.statistics.inequality import inequality_intervals


def test_inequality_intervals_are_of_the_plain_statistics_and_hold_them():
    values = np.random.default_rng(1).lognormal(0, 1, 400)
    whole, one, ten = inequality_intervals(values, (0.01, 0.1), resamples=200)
    assert (whole.value, one.value, ten.value) == (gini(values), top_share(values, 0.01), top_share(values, 0.1))
    assert all(0 < found.lower < found.value < found.upper < 1 and found.n == 400 for found in (whole, one, ten))


def test_inequality_intervals_leave_out_who_is_unknown_and_repeat_themselves():
    values = [1.0, 2.0, float("nan"), 5.0, 9.0]
    assert inequality_intervals(values, resamples=100) == inequality_intervals([1, 2, 5, 9], resamples=100)


@pytest.mark.parametrize("values", [[], [0, 0, 0], [3, 3, 3, 3], [0, 0, 1, 4]])
def test_inequality_intervals_claim_nothing_where_nothing_can_be_told(values):
    assert all(math.isnan(found.lower) for found in inequality_intervals(values, (0.1,), resamples=50))


def test_inequality_intervals_refuse_debts():
    with pytest.raises(ValueError, match="must not be negative, found -1"):
        inequality_intervals([1, 2, -1])


def test_inequality_intervals_cover_a_heavy_tail():
    """Gini and top tenth of a lognormal with sigma 1; percentiles cover 0.88 to 0.91 of it. 99 % binomial region."""
    generator = np.random.default_rng(5)
    true = (2 * stats.norm.cdf(1 / math.sqrt(2)) - 1, stats.norm.cdf(1 - stats.norm.ppf(0.9)))
    runs = 100
    hits = np.zeros(2)
    for run in range(runs):
        found = inequality_intervals(generator.lognormal(0, 1, 500), (0.1,), resamples=300, seed=run)
        hits += [one.lower <= value <= one.upper for one, value in zip(found, true, strict=True)]
    assert (hits >= stats.binom.ppf(0.005, runs, 0.95)).all()
