import math

import numpy as np
import pytest
from scipy import stats

from assets.statistics.intervals import bootstrap_interval, fisher_z_interval


def test_bootstrap_interval_agrees_with_scipy_bca() -> None:
    sample = np.random.default_rng(1).lognormal(size=60)
    ours = bootstrap_interval(np.mean, sample, resamples=20_000)
    theirs = stats.bootstrap((sample,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2))
    assert ours.lower == pytest.approx(theirs.confidence_interval.low, rel=0.02)
    assert ours.upper == pytest.approx(theirs.confidence_interval.high, rel=0.02)
    assert (ours.value, ours.n) == (pytest.approx(sample.mean()), 60)


def test_bootstrap_interval_of_a_mean_is_close_to_the_normal_one() -> None:
    sample = np.random.default_rng(3).normal(size=400)
    found = bootstrap_interval(np.mean, sample, method="percentile")
    reach = 1.96 * sample.std() / 20
    assert found.lower == pytest.approx(sample.mean() - reach, abs=0.02)
    assert found.upper == pytest.approx(sample.mean() + reach, abs=0.02)


def test_bootstrap_interval_covers_the_truth_at_its_level() -> None:
    rng = np.random.default_rng(4)
    found = [bootstrap_interval(np.mean, rng.exponential(size=40), resamples=400, level=0.9) for _ in range(200)]
    covered = sum(i.lower <= 1 <= i.upper for i in found)
    assert 165 <= covered <= 194


def test_bootstrap_interval_of_groups_is_wider_where_groups_agree() -> None:
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(30), 20)
    values = rng.normal(size=30)[groups] + 0.1 * rng.normal(size=600)
    by_row = bootstrap_interval(np.mean, values, method="percentile")
    by_group = bootstrap_interval(np.mean, values, method="percentile", groups=groups)
    assert by_group.upper - by_group.lower > 3 * (by_row.upper - by_row.lower)
    assert (by_row.n, by_group.n) == (600, 30)


def test_bootstrap_interval_repeats_itself() -> None:
    sample = np.arange(20.0)
    assert bootstrap_interval(np.median, sample) == bootstrap_interval(np.median, sample)


def test_bootstrap_interval_of_a_constant_is_a_point() -> None:
    found = bootstrap_interval(np.mean, np.ones(9))
    assert (found.lower, found.upper) == (1, 1)


def test_bootstrap_interval_of_one_row_has_no_ends() -> None:
    found = bootstrap_interval(np.mean, [3.0])
    assert found.value == 3
    assert math.isnan(found.lower)


def test_bootstrap_interval_names_what_it_cannot_use() -> None:
    with pytest.raises(ValueError, match="one length, found \\[2, 3\\]"):
        bootstrap_interval(lambda x, y: 0.0, [1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="'percentile' or 'bca'"):
        bootstrap_interval(np.mean, [1, 2], method="magic")


def test_fisher_z_interval_of_pearson_is_the_textbook_one() -> None:
    found = fisher_z_interval(0.5, 103)
    assert found.lower == pytest.approx(math.tanh(math.atanh(0.5) - 0.1959964))
    assert found.upper == pytest.approx(math.tanh(math.atanh(0.5) + 0.1959964))


def test_fisher_z_interval_of_ranks_is_wider() -> None:
    pearson, ranks = fisher_z_interval(0.6, 50), fisher_z_interval(0.6, 50, ranks=True)
    assert ranks.lower < pearson.lower < 0.6 < pearson.upper < ranks.upper


def test_fisher_z_interval_of_perfect_or_few_pairs() -> None:
    assert fisher_z_interval(1.0, 10).lower == 1
    assert math.isnan(fisher_z_interval(0.3, 3).upper)
    with pytest.raises(ValueError, match=r"lies in \[-1, 1\], found 1.2"):
        fisher_z_interval(1.2, 10)
