import numpy as np
import pytest
from scipy.spatial.distance import cdist, mahalanobis
from scipy.stats import rankdata

from assets.causal.points import whitened


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    return np.column_stack([x, rng.random(60) < 0.1])


def test_whitened_mahalanobis_is_the_textbook_distance(values):
    found, inverse = whitened(values, "mahalanobis"), np.linalg.inv(np.cov(values.T))
    for a, b in ((0, 1), (5, 40)):
        assert np.linalg.norm(found[a] - found[b]) == pytest.approx(mahalanobis(values[a], values[b], inverse))


def test_whitened_robust_mahalanobis_is_rosenbaums(values):
    """``smahal`` of Rosenbaum (2010): covariance of ranks, rescaled to the variance of untied ranks."""
    ranks = np.column_stack([rankdata(column) for column in values.T])
    covariance = np.cov(ranks.T)
    ratio = np.sqrt(np.var(np.arange(1, 61), ddof=1) / np.diag(covariance))
    expected = cdist(ranks, ranks, "mahalanobis", VI=np.linalg.inv(np.diag(ratio) @ covariance @ np.diag(ratio)))
    found = whitened(values, "robust_mahalanobis")
    assert cdist(found, found) == pytest.approx(expected, abs=1e-10)


def test_whitened_inverse_variance_divides_by_standard_deviations(values):
    found = whitened(values, "inverse_variance")
    assert found.std(axis=0, ddof=1) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("metric", ["mahalanobis", "robust_mahalanobis", "inverse_variance"])
def test_whitened_leaves_out_what_does_not_vary(values, metric):
    more = np.column_stack([values, np.ones(60)])
    assert cdist(*[whitened(more, metric)] * 2) == pytest.approx(cdist(*[whitened(values, metric)] * 2), abs=1e-9)


def test_whitened_mahalanobis_ignores_a_repeated_column(values):
    more = np.column_stack([values, values[:, 0] * 3])
    assert cdist(*[whitened(more, "mahalanobis")] * 2) == pytest.approx(cdist(*[whitened(values, "mahalanobis")] * 2))
