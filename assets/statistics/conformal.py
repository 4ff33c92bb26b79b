"""Split-conformal intervals, and how often intervals cover what they should."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.statistics.intervals import Interval

Floats = NDArray[np.float64]


def conformal_half_width(residuals: ArrayLike, level: float = 0.90) -> float:
    """Half width of the split-conformal interval around a prediction.

    The ceil((n + 1) level)-th smallest absolute residual of photos that the prediction was not fitted on (Papadopoulos
    et al. 2002; Lei et al. 2018, *Journal of the American Statistical Association* 113:1094, algorithm 2). A new
    exchangeable unit then lies inside with probability at least ``level``, and below ``level`` + 1 / (n + 1) where
    residuals do not tie.

    Args:
        residuals: Residuals, shape (n,), in the unit of the prediction.
        level: Nominal coverage, in (0, 1).

    Returns:
        The half width; infinite where n is too small for the level (below 9 for 0.90).

    >>> conformal_half_width([3, -1, 2, 5, -4, 6, 9, -8, 7], level=0.90)
    9.0
    """
    ordered = np.sort(np.abs(np.asarray(residuals, dtype=np.float64)))
    # The product may lie a rounding error above the whole number that it should be.
    rank = math.ceil((len(ordered) + 1) * level - 1e-9)
    return float(ordered[rank - 1]) if rank <= len(ordered) else math.inf


def coverage_interval(covered: ArrayLike, groups: ArrayLike, level: float = 0.95) -> Interval:
    """Share of units that are covered, with an interval that respects groups.

    Clopper and Pearson's exact binomial interval with the number of units that independent ones would need to be as
    informative (Korn and Graubard 1998, *Survey Methodology* 24:193): the number is divided by the design effect of
    the groups, which is taken to be at least 1, and corrected for the few degrees of freedom of few groups.

    Args:
        covered: bool, shape (n,).
        groups: Group of each unit, shape (n,).
        level: Nominal coverage of the interval.

    Returns:
        The share and its interval, whose ends are NaN with fewer than two groups; ``n`` counts units.

    Raises:
        ValueError: There is no unit.
    """
    from scipy import stats  # costs seconds, and definitions import this module

    hits = np.asarray(covered, dtype=np.float64)
    if not len(hits):
        raise ValueError("a share of no units is not defined; leave the empty category out")
    share = float(hits.mean())
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    count = int(group.max()) + 1
    if count < 2:
        return Interval(share, math.nan, math.nan, len(hits), level)
    tail = (1 - level) / 2
    few_groups = (stats.t.ppf(tail, len(hits) - 1) / stats.t.ppf(tail, count - 1)) ** 2
    effective = len(hits) / _design_effect(hits, group) * few_groups
    inside, outside = effective * share, effective * (1 - share)
    lower = float(stats.beta.ppf(tail, inside, outside + 1)) if share > 0 else 0.0
    upper = float(stats.beta.ppf(1 - tail, inside + 1, outside)) if share < 1 else 1.0
    return Interval(share, lower, upper, len(hits), level)


def _design_effect(hits: Floats, group: NDArray[np.intp]) -> float:
    """Variance of the share over groups, relative to that of independent units; at least 1."""
    share, n, count = hits.mean(), len(hits), int(group.max()) + 1
    independent = share * (1 - share) / (n - 1)
    if independent == 0:
        return 1.0
    totals = np.bincount(group, weights=hits - share)
    clustered = count / (count - 1) * float(totals @ totals) / n**2
    return max(1.0, clustered / independent)
