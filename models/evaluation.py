"""How good a network is on photos that it has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: The estimate; None where there is not enough data.
        n: Photos it rests on.
        lower: Lower end of the 95 % percentile bootstrap interval over photos.
        upper: Upper end.
    """

    value: float | None
    n: int
    lower: float | None = None
    upper: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        return asdict(self)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation with average ranks for ties; NaN where one side is constant.

    >>> spearman(np.array([1, 2, 3]), np.array([1, 4, 9]))
    1.0
    """
    ranks_a, ranks_b = average_ranks(a), average_ranks(b)
    if ranks_a.std() == 0 or ranks_b.std() == 0:
        return float("nan")
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1].round(12))


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; ties share their mean rank.

    >>> average_ranks(np.array([10, 20, 10])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray = (last - (counts - 1) / 2)[inverse]
    return ranks


def low_high_accuracy(beauty: np.ndarray, is_high: np.ndarray) -> float:
    """Share of photos on the right side of 0.5, low and high weighted equally; NaN where one is absent."""
    right = (beauty > 0.5) == is_high
    if is_high.all() or not is_high.any():
        return float("nan")
    return float((right[is_high].mean() + right[~is_high].mean()) / 2)


def bootstrapped(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    groups: np.ndarray | None = None,
    resamples: int = 500,
    seed: int = 0,
    minimum: int = 4,
) -> Estimate:
    """A statistic with its percentile bootstrap interval over rows, or over whole groups of rows.

    Percentile interval after Efron (1979); resampling whole groups, such as all photos of a user, is the cluster
    bootstrap (Davison and Hinkley 1997, section 3.8).

    Args:
        statistic: Function of the arrays.
        *arrays: Arrays of equal length.
        groups: Group of each row; None makes every row a group.
        resamples: Number of bootstrap samples.
        seed: Seed of the resampling.
        minimum: With fewer groups, or an undefined statistic, there is no value.
    """
    n = len(arrays[0])
    order, starts, sizes = _grouped(np.arange(n) if groups is None else groups)
    value = statistic(*arrays) if len(sizes) >= minimum else float("nan")
    if not np.isfinite(value):
        return Estimate(None, n)
    generator = np.random.default_rng(seed)
    draws = []
    for drawn in generator.integers(0, len(sizes), (resamples, len(sizes))):
        counts = sizes[drawn]
        # Start of each drawn group, less the rows that come before it in the resample, and counted on from there.
        firsts = starts[drawn] - (np.cumsum(counts) - counts)
        rows = order[np.repeat(firsts, counts) + np.arange(counts.sum())]
        draws.append(statistic(*(array[rows] for array in arrays)))
    lower, upper = np.nanquantile(draws, [0.025, 0.975])
    return Estimate(float(value), n, float(lower), float(upper))


def _grouped(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows group by group, where each group starts among them, and how many rows it has."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return order, starts, sizes


def owners(users: Sequence[int | None], photos: Sequence[int]) -> np.ndarray:
    """Group of each photo: its user, or the photo itself where nobody is known to own it.

    >>> owners([7, 7, None, None], [1, 2, 3, 4]).tolist()
    [7, 7, -4, -5]
    """
    return np.array([-1 - p if u is None else u for u, p in zip(users, photos, strict=True)], np.int64)
