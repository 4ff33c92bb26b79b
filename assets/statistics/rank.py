"""Rank correlation with a bootstrap interval."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.statistics.intervals import Interval, bootstrap_interval

Floats = NDArray[np.float64]


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, mid-ranks for ties (Spearman 1904).

    Args:
        x: Values, shape (n,).
        y: Values, shape (n,); pairs with a not-a-number are left out.

    Returns:
        The correlation; NaN with fewer than two pairs or where one side does not vary.

    Raises:
        ValueError: Shapes differ.

    >>> spearman([1, 2, 3, 4], [10, 20, 40, 30])
    0.8
    """
    from scipy import stats  # costs seconds, and definitions import this module

    a, b = _complete(x, y)
    if len(a) < 2:
        return float("nan")
    return _pearson(stats.rankdata(a), stats.rankdata(b))


def spearman_interval(
    x: ArrayLike,
    y: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Interval:
    """Spearman's rank correlation with a percentile bootstrap interval over pairs, or over groups of pairs.

    Args:
        x: Values, shape (n,).
        y: Values, shape (n,); pairs with a not-a-number are left out.
        level: Nominal coverage.
        resamples: Bootstrap resamples.
        seed: Seed.
        groups: Group of each pair, resampled whole, shape (n,).

    Returns:
        The interval; ``n`` counts pairs, or groups where there are any.

    Raises:
        ValueError: Shapes differ.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"need two arrays of one length, found shapes {a.shape} and {b.shape}")
    whole = ~(np.isnan(a) | np.isnan(b))
    kept = None if groups is None else np.asarray(groups)[whole]
    return bootstrap_interval(
        spearman, a[whole], b[whole], method="percentile", level=level, resamples=resamples, seed=seed, groups=kept
    )


def _complete(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"need two arrays of one length, found shapes {a.shape} and {b.shape}")
    whole = ~(np.isnan(a) | np.isnan(b))
    return a[whole], b[whole]


def _pearson(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
