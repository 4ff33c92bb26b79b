"""Empirical-Bayes shrinkage: of means towards their mean, and of event rates towards theirs.

Both learn a prior from all units and give each unit its posterior. Units with little behind them move towards the
prior, so that neither luck nor volume wins a ranking.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NormalPrior:
    """Distribution of true means over units.

    Attributes:
        mean: Its mean.
        variance: Its variance; 0 means that nothing but sampling noise distinguishes the units.
    """

    mean: float
    variance: float


@dataclass(frozen=True)
class GammaPrior:
    """Distribution of true rates over units.

    Attributes:
        shape: Shape (alpha); infinite where rates do not differ beyond Poisson chance.
        exposure: Rate parameter (beta), in units of exposure: what the prior weighs against a unit's own.
        mean: Mean rate, shape / exposure.
    """

    shape: float
    exposure: float
    mean: float

    @property
    def variance(self) -> float:
        """Variance of true rates."""
        return self.mean / self.exposure if np.isfinite(self.exposure) else 0.0


def normal_prior(means: ArrayLike, variances: ArrayLike) -> NormalPrior:
    """Prior of true means from observed means with known sampling variances.

    The moment estimator of DerSimonian and Laird (1986, Controlled Clinical Trials 7:177), truncated at 0.

    Args:
        means: Observed means, shape (n,).
        variances: Sampling variance of each, shape (n,), all positive.

    Returns:
        Prior mean (precision-weighted with the variance between units) and variance.

    Raises:
        ValueError: There is no unit, shapes differ, or a variance is not positive.
    """
    y, v = _pair(means, variances, "variance")
    weights = 1 / v
    centre = np.average(y, weights=weights)
    excess = np.sum(weights * (y - centre) ** 2) - (len(y) - 1)
    scale = weights.sum() - np.sum(weights**2) / weights.sum()
    between = max(0.0, float(excess / scale)) if scale > 0 else 0.0
    return NormalPrior(float(np.average(y, weights=1 / (v + between))), between)


def shrink_means(means: ArrayLike, variances: ArrayLike, prior: NormalPrior) -> tuple[Floats, Floats]:
    """Posterior mean and standard deviation of each unit (Efron and Morris 1973, JASA 68:117).

    Args:
        means: Observed means, shape (n,).
        variances: Sampling variance of each, shape (n,), all positive.
        prior: From ``normal_prior``.

    Returns:
        Shrunken means and posterior standard deviations, shape (n,) each.

    Raises:
        ValueError: Shapes differ, or a variance is not positive.
    """
    y, v = _pair(means, variances, "variance")
    own = prior.variance / (prior.variance + v)
    return prior.mean + own * (y - prior.mean), np.sqrt(own * v)


def gamma_prior(counts: ArrayLike, exposures: ArrayLike) -> GammaPrior:
    """Prior of true rates from counts with known exposures.

    Moment estimator of Clayton and Kaldor (1987, Biometrics 43:671) and Marshall (1991, Applied Statistics 40:283):
    the prior mean is the pooled rate, its variance the exposure-weighted variance of rates less what Poisson chance
    explains.

    Args:
        counts: Events of each unit, shape (n,), none negative.
        exposures: Exposure of each unit, shape (n,), all positive.

    Returns:
        The prior; its shape and exposure are infinite where the counts vary no more than chance.

    Raises:
        ValueError: There is no unit, shapes differ, a count is negative, or an exposure is not positive.
    """
    y, e = _pair(counts, exposures, "exposure")
    if (y < 0).any():
        raise ValueError(f"counts must not be negative, found {y.min()}")
    mean = float(y.sum() / e.sum())
    between = float(np.sum(e * (y / e - mean) ** 2) / e.sum() - mean / e.mean())
    if between <= 0 or mean == 0:
        return GammaPrior(float("inf"), float("inf"), mean)
    return GammaPrior(mean**2 / between, mean / between, mean)


def shrink_rates(counts: ArrayLike, exposures: ArrayLike, prior: GammaPrior) -> Floats:
    """Posterior mean rate of each unit: (count + shape) / (exposure + prior exposure).

    Args:
        counts: Events of each unit, shape (n,).
        exposures: Exposure of each unit, shape (n,), all positive.
        prior: From ``gamma_prior``.

    Returns:
        Shrunken rates, shape (n,).

    Raises:
        ValueError: Shapes differ, or an exposure is not positive.
    """
    y, e = _pair(counts, exposures, "exposure")
    if not np.isfinite(prior.exposure):
        return np.full(len(y), prior.mean)
    return (y + prior.shape) / (e + prior.exposure)


def rate_reliability(exposures: ArrayLike, prior: GammaPrior) -> Floats:
    """Share of the variance of each unit's observed rate that is true: exposure / (exposure + prior exposure).

    The squared correlation of observed and true rate among units of that exposure (Buehlmann's credibility factor,
    Buehlmann and Gisler 2005, *A Course in Credibility Theory*, chapter 2).

    Args:
        exposures: Exposure of each unit, shape (n,).
        prior: From ``gamma_prior``.

    Returns:
        Reliabilities in [0, 1], shape (n,); 0 where rates do not differ.
    """
    e = np.asarray(exposures, dtype=np.float64)
    return np.zeros(len(e)) if not np.isfinite(prior.exposure) else e / (e + prior.exposure)


def _pair(values: ArrayLike, positives: ArrayLike, name: str) -> tuple[Floats, Floats]:
    y, v = np.asarray(values, dtype=np.float64), np.asarray(positives, dtype=np.float64)
    if y.shape != v.shape or y.ndim != 1 or not y.size:
        raise ValueError(f"need two arrays of one length above 0, found shapes {y.shape} and {v.shape}")
    if not (v > 0).all():
        raise ValueError(f"every {name} must be positive, found {v.min()}")
    return y, v
