"""Balance of covariates before and after matching, and how far the arms overlap."""

from dataclasses import dataclass

import numpy as np

from assets.causal.design import Estimand
from assets.causal.sample import Booleans, Floats, Sample

TARGET_SMD = 0.1
"""Above it a covariate counts as unbalanced (METHODS: |SMD| < 0.1)."""


@dataclass(frozen=True)
class Difference:
    """One covariate in the two arms.

    Attributes:
        mean_treated: Weighted mean of the treated.
        mean_control: Weighted mean of the controls.
        smd: Standardised mean difference; NaN where the covariate does not vary in the arm that standardises.
        variance_ratio: Weighted variance of the treated over that of the controls; NaN for indicators.
        ks: Largest distance of the two weighted distribution functions.
    """

    mean_treated: float
    mean_control: float
    smd: float
    variance_ratio: float
    ks: float


@dataclass(frozen=True)
class Balance:
    """One covariate before and after matching.

    Attributes:
        covariate: Its name.
        before: All units, unweighted.
        after: Matched units, weighted.
    """

    covariate: str
    before: Difference
    after: Difference


@dataclass(frozen=True)
class Overlap:
    """How far the arms overlap on the propensity score.

    Attributes:
        treated_range: Smallest and largest probability of the treated.
        control_range: The same of the controls.
        treated_outside: Share of the treated beyond the range of the controls.
        control_outside: Share of the controls beyond the range of the treated.
    """

    treated_range: tuple[float, float]
    control_range: tuple[float, float]
    treated_outside: float
    control_outside: float


def balance_table(sample: Sample, weights: Floats, score: Floats | None = None) -> tuple[Balance, ...]:
    """Balance of every covariate, and of the score as ``distance`` if there is one.

    The denominator of the SMD is the standard deviation before matching of the treated (ATT), of the controls (ATC) or
    the root of the arms' mean variance (ATE), before and after alike, as in R's MatchIt: an indicator's is
    sqrt(p (1 - p)), another's has n - 1. Every level of a text column has a row.

    Args:
        sample: Units.
        weights: (n,) weights after matching, 0 for units left out.
        score: (n,) score the units were matched on.
    """
    columns = dict(zip(sample.covariates.names, sample.covariates.values.T, strict=True))
    binary = dict(zip(sample.covariates.names, sample.covariates.is_binary, strict=True))
    if score is not None:
        columns, binary = {"distance": score, **columns}, {"distance": np.False_, **binary}
    rows, even = [], np.ones(len(weights))
    for name, values in columns.items():
        is_binary = bool(binary[name])
        spread = _spread(values, sample.treated, sample.experiment.estimand, is_binary)
        order = np.argsort(values, kind="stable")
        before, after = (_difference(values, sample.treated, w, spread, is_binary, order) for w in (even, weights))
        rows.append(Balance(name, before, after))
    return tuple(rows)


def effective_size(weights: Floats) -> float:
    """Effective sample size of weights: squared sum over sum of squares (Kish 1965); 0 without any."""
    total = float(np.sum(weights**2))
    return float(np.sum(weights) ** 2 / total) if total > 0 else 0.0


def overlap(probability: Floats, treated: Booleans) -> Overlap:
    """Ranges of the arms, and the share of each beyond the other's.

    Args:
        probability: (n,) propensity scores.
        treated: (n,) arms.
    """
    ends = [(float(probability[arm].min()), float(probability[arm].max())) for arm in (treated, ~treated)]
    outside = [
        float(np.mean((probability[arm] < low) | (probability[arm] > high)))
        for arm, (low, high) in zip((treated, ~treated), reversed(ends), strict=True)
    ]
    return Overlap(ends[0], ends[1], outside[0], outside[1])


def _spread(values: Floats, treated: Booleans, estimand: Estimand, is_binary: bool) -> float:
    arms = {"ATT": (treated,), "ATC": (~treated,), "ATE": (treated, ~treated)}[estimand]
    variances = [values[arm].var(ddof=0 if is_binary else min(1, int(arm.sum()) - 1)) for arm in arms]
    return float(np.sqrt(np.mean(variances)))


def _difference(
    values: Floats, treated: Booleans, weights: Floats, spread: float, is_binary: bool, order: np.ndarray
) -> Difference:
    means = [float(np.average(values[arm], weights=weights[arm])) for arm in (treated, ~treated)]
    rounding = 1e-12 * max(1.0, abs(means[0]), abs(means[1]))  # constants vary by about 1e-16 of their size
    apart = means[0] - means[1]
    smd = apart / spread if spread > rounding else (0.0 if abs(apart) <= rounding else float("nan"))
    if is_binary:
        return Difference(means[0], means[1], smd, float("nan"), abs(means[0] - means[1]))
    variances = [_variance(values[arm], weights[arm]) for arm in (treated, ~treated)]
    ratio = variances[0] / variances[1] if min(variances) > rounding**2 else float("nan")
    return Difference(means[0], means[1], smd, ratio, _ks(values[order], treated[order], weights[order]))


def _variance(values: Floats, weights: Floats) -> float:
    """Weighted variance that is the sample variance for equal weights, whatever their sum."""
    share = weights / weights.sum()
    left = 1 - float(np.sum(share**2))
    return float(np.sum(share * (values - np.sum(share * values)) ** 2) / left) if left > 1e-12 else 0.0


def _ks(values: Floats, treated: Booleans, weights: Floats) -> float:
    steps = [np.cumsum(np.where(arm, weights, 0)) for arm in (treated, ~treated)]
    last_of_value = np.r_[values[1:] != values[:-1], True]
    return float(np.abs(steps[0] / steps[0][-1] - steps[1] / steps[1][-1])[last_of_value].max())
