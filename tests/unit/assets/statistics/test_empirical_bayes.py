import math

import numpy as np
import pytest

from assets.statistics.empirical_bayes import (
    GammaPrior,
    NormalPrior,
    gamma_prior,
    normal_prior,
    rate_reliability,
    shrink_means,
    shrink_rates,
)


def test_normal_prior_of_equal_variances_is_the_moment_estimate() -> None:
    found = normal_prior([1.0, 3.0, 5.0], [1.0, 1.0, 1.0])
    assert (found.mean, found.variance) == (pytest.approx(3), pytest.approx(4 - 1))


def test_normal_prior_is_flat_where_noise_explains_everything() -> None:
    assert normal_prior([1.0, 1.1], [5.0, 5.0]).variance == 0


def test_shrink_means_weighs_by_variance() -> None:
    shrunken, deviation = shrink_means([2.0, 2.0], [1.0, 3.0], NormalPrior(0.0, 1.0))
    assert shrunken.tolist() == pytest.approx([1.0, 0.5])
    assert deviation.tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(0.75)])


def test_shrink_means_beats_the_raw_means() -> None:
    rng = np.random.default_rng(1)
    truth, variances = rng.normal(2, 1, 500), rng.uniform(0.2, 4, 500)
    seen = rng.normal(truth, np.sqrt(variances))
    prior = normal_prior(seen, variances)
    shrunken, _ = shrink_means(seen, variances, prior)
    assert prior.variance == pytest.approx(1, abs=0.3)
    assert np.mean((shrunken - truth) ** 2) < 0.6 * np.mean((seen - truth) ** 2)


def test_gamma_prior_of_equal_exposures_is_the_moment_estimate() -> None:
    found = gamma_prior([0, 2, 4, 10], [2.0, 2.0, 2.0, 2.0])
    variance = np.var([0, 1, 2, 5]) - 2 / 2
    assert found.mean == pytest.approx(2)
    assert found.variance == pytest.approx(variance)
    assert (found.shape, found.exposure) == (pytest.approx(4 / variance), pytest.approx(2 / variance))


def test_gamma_prior_recovers_what_was_drawn() -> None:
    rng = np.random.default_rng(2)
    exposures = rng.uniform(5, 200, 20_000)
    counts = rng.poisson(exposures * rng.gamma(2.0, 1 / 40, 20_000))
    found = gamma_prior(counts, exposures)
    assert found.mean == pytest.approx(0.05, rel=0.03)
    assert found.shape == pytest.approx(2, rel=0.1)


def test_gamma_prior_is_a_point_where_chance_explains_everything() -> None:
    found = gamma_prior([1, 1, 1], [1.0, 1.0, 1.0])
    assert math.isinf(found.shape)
    assert found.variance == 0
    assert shrink_rates([0, 9], [1.0, 1.0], found).tolist() == [1, 1]
    assert rate_reliability([3.0], found).tolist() == [0]


def test_shrink_rates_moves_small_exposures_most() -> None:
    prior = GammaPrior(shape=2.0, exposure=10.0, mean=0.2)
    assert shrink_rates([4, 40], [10.0, 100.0], prior).tolist() == pytest.approx([0.3, 42 / 110])


def test_rate_reliability_is_a_half_where_exposure_equals_the_prior() -> None:
    assert rate_reliability([10.0, 30.0], GammaPrior(2.0, 10.0, 0.2)).tolist() == [0.5, 0.75]


def test_priors_name_what_they_cannot_use() -> None:
    with pytest.raises(ValueError, match=r"found shapes \(2,\) and \(1,\)"):
        normal_prior([1, 2], [1])
    with pytest.raises(ValueError, match="every variance must be positive, found 0"):
        normal_prior([1, 2], [1, 0])
    with pytest.raises(ValueError, match="counts must not be negative, found -1"):
        gamma_prior([-1, 2], [1, 1])
