"""How well a prediction orders things as a reference does: rank statistics with bootstrap intervals, vectorised.

Resamples are rows of weights (how often each pair was drawn), so that thousands of pairs times a thousand resamples
take about a second. Sources: Spearman (1904); Kendall (1945) for tau-b; pairwise accuracy is (1 + d) / 2 with Somers'
(1962) d of the prediction given the reference. Above ``WHOLE`` pairs the m out of n bootstrap (Bickel, Götze and van
Zwet 1997) draws ``_PART`` pairs per resample and shrinks deviations by sqrt(m / n), since the work grows with m^2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.statistics.intervals import Interval, percentile_ends

Floats = NDArray[np.float64]

WHOLE = 3000
"""Pairs up to which resamples are as large as the data."""
_PART = 1000
_CELLS = 1 << 20
"""Numbers per array of resamples by pairs."""


def concordance(
    prediction: ArrayLike, reference: ArrayLike, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Agreement of a prediction with a reference, with percentile bootstrap intervals over pairs.

    Args:
        prediction: Predicted values on any scale, shape (n,).
        reference: What is true of the same things, on any scale, shape (n,).
        level: Nominal coverage.
        resamples: Bootstrap resamples.
        seed: Seed; the same arguments give the same intervals.

    Returns:
        ``spearman`` (mid-ranks for ties), ``kendall_tau_b``, ``pairwise_accuracy`` (share of pairs with different
        references that the prediction orders the same way, equal predictions count half) and ``pearson``. NaN where a
        side does not vary, and ends NaN with fewer than two pairs.

    Raises:
        ValueError: Shapes differ, or a value is not a finite number.
    """
    x, y = _finite_pairs(prediction, reference)
    values = {name: np.asarray([value]) for name, value in _values(x, y).items()}
    n = len(x)
    if n < 2:
        return {name: Interval(float(v[0]), float("nan"), float("nan"), n, level) for name, v in values.items()}
    rng = np.random.default_rng(seed)
    drawn = _drawn_whole(x, y, resamples, rng) if n <= WHOLE else _drawn_in_part(x, y, resamples, rng)
    shrink = 1.0 if n <= WHOLE else float(np.sqrt(_PART / n))
    found = {}
    for name, value in values.items():
        centred = value + shrink * (drawn[name] - value) if shrink < 1 else drawn[name]
        found[name] = Interval(float(value[0]), *percentile_ends(centred, level), n, level)
    return found


def mean_interval(values: ArrayLike, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """Mean with a percentile bootstrap interval; a million values take seconds.

    Raises:
        ValueError: A value is not a finite number.
    """
    x = np.asarray(values, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("a mean needs finite values; leave out the others first")
    n = len(x)
    if n < 2:
        return Interval(float(x[0]) if n else float("nan"), float("nan"), float("nan"), n, level)
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n)
    rows = [min(block, resamples - start) for start in range(0, resamples, block)]
    drawn = np.concatenate([np.empty(0), *(x[rng.integers(0, n, (r, n))].mean(axis=1) for r in rows)])
    return Interval(float(x.mean()), *percentile_ends(drawn, level), n, level)


def _finite_pairs(prediction: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(prediction, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"need two arrays of one length, found shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("pairs must be finite numbers; leave out pairs without a prediction first")
    return x, y


def _values(x: Floats, y: Floats) -> dict[str, float]:
    """The statistics of the data themselves, in O(n log n)."""
    from scipy import stats  # costs seconds, and definitions import this module

    if len(x) < 2:
        return dict.fromkeys(_STATISTICS, float("nan"))
    weights = np.ones((1, len(x)))
    untied_x, untied_y = (_untied(values, weights)[0] for values in (x, y))
    both_vary = untied_x > 0 and untied_y > 0
    tau = float(stats.kendalltau(x, y).statistic) if both_vary else float("nan")
    surplus = np.array([tau * np.sqrt(untied_x * untied_y) if both_vary else 0.0])
    return {
        "spearman": float(_spearman(x, y, weights)[0]),
        "kendall_tau_b": tau,
        "pairwise_accuracy": float(_accuracy(surplus, np.array([untied_y]))[0]),
        "pearson": float(_pearson(x[None], y[None], weights)[0]),
    }


_STATISTICS = ("spearman", "kendall_tau_b", "pairwise_accuracy", "pearson")


def _drawn_whole(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> dict[str, Floats]:
    """The statistics of resamples as large as the data, shape (resamples,) each."""
    n = len(x)
    weights = np.empty((resamples, n), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
    surplus = _surplus(x, y, weights)

    def by_block(statistic: Callable[[Floats], Floats]) -> Floats:
        block = max(1, _CELLS // n)
        parts = [statistic(weights[i : i + block].astype(np.float64)) for i in range(0, resamples, block)]
        return np.concatenate([np.empty(0), *parts])

    untied_x, untied_y = (by_block(lambda w, v=values: _untied(v, w)) for values in (x, y))  # type: ignore[misc]
    return {
        "spearman": by_block(lambda w: _spearman(x, y, w)),
        "kendall_tau_b": _ratio(surplus, np.sqrt(untied_x * untied_y)),
        "pairwise_accuracy": _accuracy(surplus, untied_y),
        "pearson": by_block(lambda w: _pearson(x[None], y[None], w)),
    }


def _drawn_in_part(x: Floats, y: Floats, resamples: int, rng: np.random.Generator) -> dict[str, Floats]:
    """The statistics of resamples of ``_PART`` pairs."""
    found = []
    for _ in range(resamples):
        picked = rng.integers(0, len(x), _PART)
        found.append(_values(x[picked], y[picked]))
    return {name: np.array([values[name] for values in found]) for name in _STATISTICS}


def _surplus(x: Floats, y: Floats, weights: NDArray[np.float32]) -> Floats:
    """Concordant minus discordant pairs of each resample; sums of whole numbers below 2^24 are exact in float32."""
    total = np.zeros(len(weights))
    step = max(1, _CELLS // len(x))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        signs = np.sign(x[part, None] - x[None, :]) * np.sign(y[part, None] - y[None, :])
        total += np.einsum("rp,rp->r", weights @ signs.T.astype(np.float32), weights[:, part], dtype=np.float64)
    return total / 2


def _untied(values: Floats, weights: Floats) -> Floats:
    """Pairs of each resample whose values differ."""
    drawn = weights.sum(axis=1)
    together = _group_weights(values, weights)[0]
    return np.asarray((drawn**2 - (together**2).sum(axis=1)) / 2)


def _group_weights(values: Floats, weights: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Weight of each group of equal values, in ascending order, shape (rows, groups); and the group of each value."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return np.add.reduceat(weights[:, order], starts, axis=1), group


def _mid_ranks(values: Floats, weights: Floats) -> Floats:
    """Mid-rank of each value within each resample, shape (rows, n)."""
    together, group = _group_weights(values, weights)
    ranks = np.cumsum(together, axis=1) - (together - 1) / 2
    return ranks[:, group]


def _spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    return _pearson(_mid_ranks(x, weights), _mid_ranks(y, weights), weights)


def _pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Correlation of each row; x and y have shape (rows, n) or (1, n)."""
    number = weights.sum(axis=1, keepdims=True)
    a, b = (v - (weights * v).sum(axis=1, keepdims=True) / number for v in (x, y))
    scale = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    return _ratio((weights * a * b).sum(axis=1), scale)


def _accuracy(surplus: Floats, untied_reference: Floats) -> Floats:
    return (1 + _ratio(surplus, untied_reference)) / 2


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient that is NaN where nothing is divided by."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
