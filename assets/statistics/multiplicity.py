"""Many tests at once: p-values adjusted for how many there are."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p-values that bound the chance of any false rejection (Holm 1979, Scand. J. Statist. 6:65).

    Args:
        p_values: (m,) p-values, in any dependence; NaN is no test and stays NaN.

    Returns:
        (m,) adjusted p-values, at most 1.

    Raises:
        ValueError: A p-value lies outside [0, 1].

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    ranked, put_back = _ranked(p_values)
    m = len(ranked)
    return put_back(np.minimum(np.maximum.accumulate(ranked * (m - np.arange(m))), 1))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjusted p-values that bound the false discovery rate (Benjamini and Hochberg 1995, JRSS B 57:289).

    Args:
        p_values: (m,) p-values, independent or positively dependent; NaN is no test and stays NaN.

    Returns:
        (m,) adjusted p-values, at most 1.

    Raises:
        ValueError: A p-value lies outside [0, 1].

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.04, 0.04]
    """
    ranked, put_back = _ranked(p_values)
    m = len(ranked)
    steps = ranked * m / np.arange(1, m + 1)
    return put_back(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1))


class _PutBack:
    """Puts ranked values back to where their p-values came from."""

    def __init__(self, n: int, positions: NDArray[np.intp]) -> None:
        self._n, self._positions = n, positions

    def __call__(self, ranked: Floats) -> Floats:
        values = np.full(self._n, np.nan)
        values[self._positions] = ranked
        return values


def _ranked(p_values: ArrayLike) -> tuple[Floats, _PutBack]:
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    if np.any((values[known] < 0) | (values[known] > 1)):
        raise ValueError(f"p-values lie in [0, 1], found {values[(values < 0) | (values > 1)][:3].tolist()}")
    positions = known[np.argsort(values[known], kind="stable")]
    return values[positions], _PutBack(len(values), positions)
