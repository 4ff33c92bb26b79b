"""Confidence intervals: bootstrap (percentile and BCa) and Fisher's z for correlations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NORMAL_95 = 1.959963984540054
"""Standard errors to either side of a 95 % interval."""
Statistic = Callable[..., float]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        value: Estimate on the data as they are.
        lower: Lower end.
        upper: Upper end.
        n: Units behind it.
        level: Nominal coverage.
    """

    value: float
    lower: float
    upper: float
    n: int
    level: float


def bootstrap_interval(
    statistic: Statistic,
    *samples: ArrayLike,
    method: str = "bca",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of a statistic of rows, or of whole groups of rows.

    Percentile and bias-corrected accelerated intervals after Efron and Tibshirani (1993), *An Introduction to the
    Bootstrap*, chapters 13 and 14; the acceleration comes from the jackknife over rows (groups). Resampling whole
    groups is the cluster bootstrap (Davison and Hinkley 1997, section 3.8). Resamples whose statistic is not a
    number are left out.

    Args:
        statistic: Takes the samples, returns a number.
        *samples: Arrays of one length n, resampled together (rows stay together).
        method: ``percentile`` or ``bca``.
        level: Nominal coverage.
        resamples: Number of bootstrap resamples.
        seed: Seed; the same arguments give the same interval.
        groups: Group of each row, shape (n,); None makes every row a group.

    Returns:
        The interval; its ends are NaN with fewer than two groups, ``n`` counts groups.

    Raises:
        ValueError: Lengths differ, there is no sample, or the method is unknown.
    """
    if method not in ("percentile", "bca"):
        raise ValueError(f"method is {method!r}; it is 'percentile' or 'bca'")
    arrays = [np.asarray(sample) for sample in samples]
    if not arrays or len({len(array) for array in arrays}) != 1:
        raise ValueError(f"samples must have one length, found {[len(array) for array in arrays]}")
    members = _members(len(arrays[0]), groups)
    value = float(statistic(*arrays))
    if len(members) < 2:
        return Interval(value, float("nan"), float("nan"), len(members), level)
    drawn = _bootstrap(statistic, arrays, members, resamples, np.random.default_rng(seed))
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        tails = _bca_tails(value, drawn, _jackknife(statistic, arrays, members), tails)
    lower, upper = np.quantile(drawn, tails) if drawn.size and not np.isnan(tails).any() else (np.nan, np.nan)
    return Interval(value, float(lower), float(upper), len(members), level)


def percentile_ends(drawn: Floats, level: float) -> tuple[float, float]:
    """Ends of the percentile bootstrap interval of drawn statistics (Efron and Tibshirani 1993, chapter 13).

    Args:
        drawn: The statistic on each resample, shape (resamples,); not-a-numbers are left out.
        level: Nominal coverage.

    Returns:
        Lower and upper end; NaN with fewer than two numbers.
    """
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < 2:
        return float("nan"), float("nan")
    lower, upper = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def fisher_z_interval(correlation: float, n: int, level: float = 0.95, *, ranks: bool = False) -> Interval:
    """Interval of a correlation by Fisher's z-transformation.

    Standard error of z: 1 / sqrt(n - 3) for Pearson (Fisher 1921), and sqrt((1 + r^2 / 2) / (n - 3)) for Spearman
    (Bonett and Wright 2000, Psychometrika 65:23).

    Args:
        correlation: The correlation, in [-1, 1].
        n: Number of pairs.
        level: Nominal coverage.
        ranks: Whether it is a rank correlation.

    Returns:
        The interval; its ends are NaN with fewer than four pairs.

    Raises:
        ValueError: The correlation is outside [-1, 1].
    """
    from scipy import stats  # costs seconds, and definitions import this module

    if abs(correlation) > 1:
        raise ValueError(f"a correlation lies in [-1, 1], found {correlation}")
    if n < 4 or np.isnan(correlation):
        return Interval(correlation, float("nan"), float("nan"), n, level)
    if abs(correlation) == 1:
        return Interval(correlation, correlation, correlation, n, level)
    error = np.sqrt((1 + correlation**2 / 2 if ranks else 1.0) / (n - 3))
    reach = stats.norm.ppf((1 + level) / 2) * error
    lower, upper = np.tanh(np.arctanh(correlation) + np.array([-reach, reach]))
    return Interval(correlation, float(lower), float(upper), n, level)


def mean_with_t_interval(values: Floats) -> tuple[float | None, float | None, float | None]:
    """Mean and the ends of its 95 % interval by Student's t; None for what is not defined.

    >>> mean_with_t_interval(np.array([1.0]))
    (1.0, None, None)
    """
    from scipy import stats

    if not len(values):
        return None, None, None
    mean = float(values.mean())
    if len(values) < 2:
        return mean, None, None
    reach = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - reach, mean + reach


def _members(n: int, groups: ArrayLike | None) -> list[NDArray[np.intp]]:
    """Row numbers of each group, in the order of the groups' values."""
    if groups is None:
        return [np.array([i]) for i in range(n)]
    labels = np.asarray(groups)
    if len(labels) != n:
        raise ValueError(f"groups must have the length of the samples, found {len(labels)} and {n}")
    _, inverse = np.unique(labels, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.cumsum(np.bincount(inverse))[:-1])


def _bootstrap(
    statistic: Statistic,
    arrays: list[NDArray[np.generic]],
    members: list[NDArray[np.intp]],
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    single = all(len(rows) == 1 for rows in members)
    drawn = np.empty(resamples)
    for i in range(resamples):
        picks = rng.integers(0, len(members), len(members))
        rows = picks if single else np.concatenate([members[pick] for pick in picks])
        drawn[i] = statistic(*(array[rows] for array in arrays))
    return drawn[~np.isnan(drawn)]


def _jackknife(statistic: Statistic, arrays: list[NDArray[np.generic]], members: list[NDArray[np.intp]]) -> Floats:
    kept = np.ones(len(arrays[0]), dtype=bool)
    left_out = np.empty(len(members))
    for i, rows in enumerate(members):
        kept[rows] = False
        left_out[i] = statistic(*(array[kept] for array in arrays))
        kept[rows] = True
    return left_out[~np.isnan(left_out)]


def _bca_tails(value: float, drawn: Floats, left_out: Floats, tails: Floats) -> Floats:
    """Percentiles to read off instead of the nominal ones; nominal where nothing varies."""
    from scipy import stats  # costs seconds, and definitions import this module

    if not drawn.size or np.ptp(drawn) == 0:
        return tails
    below = (np.sum(drawn < value) + np.sum(drawn == value) / 2) / len(drawn)
    bias = stats.norm.ppf(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    deviations = left_out.mean() - left_out
    scale = np.sum(deviations**2) ** 1.5
    acceleration = np.sum(deviations**3) / (6 * scale) if scale > 0 else 0.0
    z = bias + stats.norm.ppf(tails)
    return np.asarray(stats.norm.cdf(bias + z / (1 - acceleration * z)), dtype=np.float64)
