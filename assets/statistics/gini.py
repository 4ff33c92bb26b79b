"""Inequality: the Gini coefficient, the Lorenz curve and shares held by the top."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def gini(values: ArrayLike) -> float:
    """Gini coefficient of a population: 0 when all hold the same, (n - 1) / n when one holds everything.

    The population form, mean absolute difference over twice the mean (Gini 1912; Dixon et al. 1987, Ecology 68:1548),
    without the n / (n - 1) correction for samples.

    Args:
        values: Holdings, shape (n,), none negative; not-a-numbers are left out.

    Returns:
        The coefficient; NaN where nobody holds anything or nobody is there.

    Raises:
        ValueError: A holding is negative.

    >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 1])
    (0.0, 0.75)
    """
    ordered = _holdings(values)
    total = ordered.sum()
    if not total > 0:
        return float("nan")
    ranks = np.arange(1, len(ordered) + 1)
    return float(((2 * ranks - len(ordered) - 1) * ordered).sum() / (len(ordered) * total))


def lorenz(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lorenz curve: share of the population, poorest first, and share of the total that they hold.

    Args:
        values: Holdings, shape (n,), none negative; not-a-numbers are left out.

    Returns:
        Two arrays of shape (n + 1,) from 0 to 1; holdings are NaN where the total is 0.

    Raises:
        ValueError: A holding is negative.
    """
    ordered = _holdings(values)
    held = np.concatenate([[0.0], np.cumsum(ordered)])
    with np.errstate(invalid="ignore"):
        return np.linspace(0.0, 1.0, len(ordered) + 1), held / held[-1]


def top_share(values: ArrayLike, share: float) -> float:
    """Part of the total that the top ``share`` of the population holds, on the linear Lorenz curve.

    Args:
        values: Holdings, shape (n,), none negative; not-a-numbers are left out.
        share: Share of the population, in [0, 1].

    Returns:
        Part in [0, 1]; NaN where nobody holds anything.

    Raises:
        ValueError: A holding is negative.

    >>> top_share([1, 1, 2, 4], 0.25)
    0.5
    """
    people, held = lorenz(values)
    return float(1.0 - np.interp(1.0 - share, people, held))


def _holdings(values: ArrayLike) -> NDArray[np.float64]:
    held = np.asarray(values, dtype=np.float64)
    held = np.sort(held[~np.isnan(held)])
    if held.size and held[0] < 0:
        raise ValueError(f"holdings must not be negative, found {held[0]}")
    return held
