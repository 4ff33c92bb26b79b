"""Intervals of the Gini coefficient and of shares of the top, which keep their level where tails are heavy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.statistics.gini import gini, top_share
from assets.statistics.intervals import Interval

Floats = NDArray[np.float64]

_CELLS = 1 << 16
"""Numbers per array of resamples by distinct holdings: arrays that stay in the cache are twice as fast."""
_MOST_CELLS = 1 << 25
_FEWEST_RESAMPLES = 200


def inequality_intervals(
    values: ArrayLike, top: tuple[float, ...] = (), *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> list[Interval]:
    """Gini coefficient and top shares with studentised bootstrap intervals on the logit scale.

    Standard errors come from influence functions: Davidson (2009), Journal of Econometrics 150:30, for the Gini
    coefficient, and that of a point of the Lorenz curve (Beach and Davidson 1983) for top shares. The studentised
    bootstrap (Davison and Hinkley 1997, section 5.2) covers heavy tails where percentiles fall short; on the logit
    scale an interval stays within 0 and 1. Where the tail is so heavy that means hardly exist, or fewer than some
    five users stand in the top, it covers less than its level too.

    Args:
        values: Holdings, shape (n,), none negative; not-a-numbers are left out.
        top: Shares of the population, each in (0, 1).
        level: Nominal coverage.
        resamples: Bootstrap resamples; fewer, and at least 200, where distinct holdings exceed some thirty thousand.
        seed: Seed; the same arguments give the same intervals.

    Returns:
        The interval of the Gini coefficient, then that of each top share. Ends are NaN where all hold the same or
        fewer than three hold anything.

    Raises:
        ValueError: A holding is negative.
    """
    held = np.asarray(values, dtype=np.float64)
    held = held[~np.isnan(held)]
    estimates = [gini(held), *(top_share(held, share) if len(held) else float("nan") for share in top)]
    ends = [(float("nan"), float("nan"))] * len(estimates)
    if np.count_nonzero(held) >= 3 and np.ptp(held) > 0:
        ends = _studentised(held, top, level, resamples, seed)
    return [Interval(value, *pair, len(held), level) for value, pair in zip(estimates, ends, strict=True)]


def _studentised(
    held: Floats, top: tuple[float, ...], level: float, resamples: int, seed: int
) -> list[tuple[float, float]]:
    distinct, counts = np.unique(held, return_counts=True)
    observed = _with_errors(distinct, counts[None, :].astype(np.float64), top)
    rng = np.random.default_rng(seed)
    rows = max(min(resamples, _FEWEST_RESAMPLES), min(resamples, _MOST_CELLS // len(distinct)))
    block = max(1, _CELLS // len(distinct))
    drawn = np.concatenate(
        [
            _with_errors(
                distinct,
                rng.multinomial(len(held), counts / len(held), min(block, rows - start)).astype(np.float64),
                top,
            )
            for start in range(0, rows, block)
        ],
        axis=1,
    )
    return [_ends(one[0], many, level) for one, many in zip(observed, drawn, strict=True)]


def _with_errors(distinct: Floats, weights: Floats, top: tuple[float, ...]) -> Floats:
    """Statistics and their standard errors for rows of weights, shape (statistics, rows, 2)."""
    number = weights.sum(axis=1, keepdims=True)
    people = np.cumsum(weights, axis=1)
    sums = np.cumsum(weights * distinct, axis=1)
    mean = sums[:, -1:] / number
    coefficient = ((2 * people - weights - number) * weights * distinct).sum(axis=1, keepdims=True) / (
        number * sums[:, -1:]
    )
    # Half of those with equal holdings count as below.
    below, held_below = (people - weights / 2) / number, (sums - weights * distinct / 2) / number
    influence = (2 * (distinct * below - held_below) - (coefficient + 1) * distinct) / mean
    found = [np.column_stack([coefficient[:, 0], _standard_error(influence, weights, number)])]
    for share in top:
        quantile = distinct[np.minimum((people < (1 - share) * number).sum(axis=1), len(distinct) - 1)][:, None]
        above = np.maximum(distinct - quantile, 0)
        part = ((weights * above).sum(axis=1, keepdims=True) / number + share * quantile) / mean
        influence = (above + share * quantile - part * distinct) / mean
        found.append(np.column_stack([part[:, 0], _standard_error(influence, weights, number)]))
    return np.stack(found)


def _standard_error(influence: Floats, weights: Floats, number: Floats) -> Floats:
    centred = influence - (weights * influence).sum(axis=1, keepdims=True) / number
    error: Floats = np.sqrt((weights * centred**2).sum(axis=1)) / number[:, 0]
    return error


def _ends(observed: Floats, drawn: Floats, level: float) -> tuple[float, float]:
    centre, spread = _on_logits(observed[None, :])
    centres, spreads = _on_logits(drawn)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviations = (centres - centre) / spreads
    defined = deviations[np.isfinite(deviations)]
    if len(defined) < 2 or not np.isfinite(centre[0]) or not spread[0] > 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    lower, upper = 1 / (1 + np.exp(-(centre[0] - spread[0] * np.array([high, low]))))
    return float(lower), float(upper)


def _on_logits(found: Floats) -> tuple[Floats, Floats]:
    """Statistics in (0, 1) and their standard errors on the logit scale (delta method)."""
    value, error = found[:, 0], found[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(value / (1 - value)), error / (value * (1 - value))
