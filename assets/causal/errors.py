"""Standard errors, each valid for one way of matching.

| matched | units independent | units in clusters (months of a user) |
|---|---|---|
| with replacement | Abadie-Imbens | linear scores, summed by cluster |
| without | clustered by matched set | clustered by matched set and by cluster, two ways |
| strata, subclasses | within strata, or clustered by stratum where one has a single unit in an arm | two ways |

Bootstrap: drawing rows, or clusters of rows, and matching again is invalid with replacement, because the number of
times that a unit is matched does not behave alike in the resample (Abadie and Imbens 2008, Econometrica 76:1537), and
it undoes the pairs without. :func:`bootstrap_interval_of_scores` keeps the matching and draws clusters of scores,
which is valid for both (Otsu and Rai 2017, JASA 112:1720; Abadie and Spiess 2022, JASA 117:983).
"""

import numpy as np

from assets.causal.blocks import nearest_in_blocks
from assets.causal.design import CannotMatchError
from assets.causal.line import nearest_on_line, place_in_group
from assets.causal.matched import Pairs
from assets.causal.points import Points
from assets.causal.sample import Booleans, Floats, Integers


def one_variance(pairs: Pairs, effects: Floats, n: int) -> Floats:
    """(n,) variance of an outcome given covariates if it is the same for all: half that of pairs' differences.

    As R's Matching with ``Var.calc = 0``; differences are of units with the average of their matches where those
    are adjusted alike.

    Args:
        pairs: Units and matches.
        effects: (k,) signed difference of each pair.
        n: Units of the sample.
    """
    center = np.average(effects, weights=pairs.weight)
    return np.full(n, 0.5 * np.average((effects - center) ** 2, weights=pairs.weight))


def abadie_imbens_error(pairs: Pairs, effects: Floats, variance: Floats) -> float:
    """Standard error of matching with replacement (Abadie and Imbens 2006, Econometrica 74:235, theorem 7).

    Of the effect in the population that the units came from. With weights w of matches instead of 1/M, K is the sum of
    a unit's weights as a match and K2 that of their squares: the variance is the mean squared deviation of unit effects
    plus, for each match, (K^2 - K2) times its variance; for the ATE units are matches and matched, which adds 2K. The
    propensity score counts as known; estimating it changes the error of the ATT either way (Abadie and Imbens 2016).
    The bootstrap of rows is *not* valid here (Abadie and Imbens 2008, Econometrica 76:1537).

    Args:
        pairs: Units and matches.
        effects: (u,) unit effects, in the order of ``pairs.units``.
        variance: (n,) variance of each unit's outcome given its covariates.
    """
    n, units = len(variance), pairs.units
    k = np.bincount(pairs.match, pairs.weight, n)
    k2 = np.bincount(pairs.match, pairs.weight**2, n)
    is_unit = np.zeros(n)
    is_unit[units] = 1
    total = np.sum((effects - effects.mean()) ** 2) + np.sum((k**2 + 2 * k * is_unit - k2) * variance)
    return float(np.sqrt(total) / len(units))


def clustered_error(scores: Floats, *clusterings: Integers) -> float:
    """Standard error of a sum of scores whose clusters are independent, in one or two ways at once.

    Two ways after Cameron, Gelbach and Miller (2011), JBES 29:238: variance by one clustering plus by the other less by
    their intersection; where that is not above both, the larger. Each is scaled by G / (G - 1) for G clusters, which
    makes the error of pairs that of the paired t-test.

    Args:
        scores: (n,) contributions to the estimate's deviation; they sum to zero.
        *clusterings: One or two arrays (n,) of cluster numbers.

    Raises:
        CannotMatchError: There are fewer than two clusters.
    """
    single = [_cluster_variance(scores, clusters) for clusters in clusterings]
    if len(clusterings) == 2:
        _, both = np.unique(clusterings[0] * (int(clusterings[1].max()) + 1) + clusterings[1], return_inverse=True)
        return float(np.sqrt(max(sum(single) - _cluster_variance(scores, both), *single)))
    return float(np.sqrt(single[0]))


def _cluster_variance(scores: Floats, clusters: Integers) -> float:
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.bincount(number, scores)
    if len(sums) < 2:
        raise CannotMatchError("an error by cluster needs at least two matched clusters, found 1")
    return float(np.sum(sums**2) * len(sums) / (len(sums) - 1))


def neighbour_variance(points: Points, treated: Booleans, outcome: Floats, rows: Integers, count: int) -> Floats:
    """(n,) variance of outcomes given covariates, from the nearest units of the same arm; 0 for rows not asked for.

    J / (J + 1) times the squared deviation from the mean of J neighbours (Abadie and Imbens 2006, section 4.1), which
    may lie beyond the calipers. A unit alone in its stratum and arm gets the mean variance of the others.

    Args:
        points: Where units are.
        treated: (n,) arms.
        outcome: (n,) outcomes.
        rows: Rows asked for.
        count: J, at least 1.
    """
    free = Points(points.coordinates, points.stratum, np.inf, np.zeros((len(treated), 0)), np.zeros(0))
    variance = np.zeros(len(treated))
    known = np.zeros(len(treated), dtype=bool)
    for arm in (True, False):
        seekers, pool = rows[treated[rows] == arm], np.flatnonzero(treated == arm)
        if not len(seekers):
            continue
        search = nearest_on_line if free.is_line else nearest_in_blocks
        found = search(free, seekers, pool, count + 1, ties=False)
        other = seekers[found.seeker] != found.unit
        seeker, unit = found.seeker[other], found.unit[other]
        first = place_in_group(seeker) < count
        size = np.bincount(seeker[first], minlength=len(seekers))
        mean = np.bincount(seeker[first], outcome[unit[first]], len(seekers)) / np.maximum(size, 1)
        variance[seekers] = size / (size + 1) * (outcome[seekers] - mean) ** 2
        known[seekers[size > 0]] = True
    asked = np.zeros(len(treated), dtype=bool)
    asked[rows] = True
    if asked.any() and not known.any():
        raise CannotMatchError(
            "the variance of outcomes is unknown: no unit has a neighbour in its arm and stratum; use "
            "variance_matches=0, which assumes one variance, or coarser strata"
        )
    variance[asked & ~known] = variance[known].mean() if known.any() else 0.0
    return variance


def linear_scores(pairs: Pairs, treated: Booleans, outcome: Floats, covariates: Floats) -> Floats:
    """(n,) each unit's contribution to the deviation of an estimate by matching with replacement.

    Martingale representation (Abadie and Imbens 2012, JASA 107:833; Otsu and Rai 2017): what covariates say of the
    effect on a unit, less its mean, plus the unit's residual times one (if the estimand averages over it) plus the
    weight it has as a match. Expected outcomes are linear in the covariates, by arm, over the matched sample.

    Args:
        pairs: Units and matches.
        treated: (n,) arms.
        outcome: (n,) outcomes.
        covariates: (n, p) covariates.
    """
    n, units = len(outcome), pairs.units
    weight = np.bincount(pairs.match, pairs.weight, n)
    weight[units] += 1
    expected = {}
    for arm in (True, False):
        used = np.flatnonzero((weight > 0) & (treated == arm))
        x = np.column_stack([np.ones(n), covariates - covariates[used].mean(axis=0)])
        root = np.sqrt(weight[used])
        expected[arm] = x @ np.linalg.lstsq(x[used] * root[:, None], outcome[used] * root, rcond=1e-10)[0]
    effect = expected[True] - expected[False]
    residual = outcome - np.where(treated, expected[True], expected[False])
    scores = np.where(treated, 1, -1) * weight * residual
    scores[units] += effect[units] - effect[units].mean()
    return np.asarray(scores / len(units))


def within_strata_error(stratum: Integers, weights: Floats, treated: Booleans, outcome: Floats) -> float | None:
    """Standard error of a difference of stratum means with fixed shares of strata (Neyman 1923).

    Args:
        stratum: (n,) numbers, -1 for none.
        weights: (n,) weights of :func:`assets.causal.matched.weights_of_strata`.
        treated: (n,) arms.
        outcome: (n,) outcomes.

    Returns:
        The error; None where a stratum has fewer than two units in an arm, whose variance is unknown.
    """
    total, size = 0.0, int(stratum.max()) + 1
    for arm in (True, False):
        rows = (treated == arm) & (stratum >= 0)
        number = stratum[rows]
        count = np.bincount(number, minlength=size)
        if count.min() < 2:
            return None
        share = np.bincount(number, weights[rows], size) / weights[rows].sum()
        mean = np.bincount(number, outcome[rows], size) / count
        variance = np.bincount(number, (outcome[rows] - mean[number]) ** 2, size) / (count - 1)
        total += float(np.sum(share**2 * variance / count))
    return float(np.sqrt(total))


def bootstrap_interval_of_scores(
    value: float, scores: Floats, clusters: Integers, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of an estimate by drawing whole clusters of its scores, the matching held fixed.

    Args:
        value: The estimate.
        scores: (n,) contributions to its deviation (``weighted_scores``, ``linear_scores``).
        clusters: (n,) clusters that are independent: matched sets or users; with two kinds, the coarser.
        level: Nominal coverage.
        resamples: Number of resamples.
        seed: Seed.

    Raises:
        CannotMatchError: There are fewer than two clusters.
    """
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.bincount(number, scores)
    if len(sums) < 2:
        raise CannotMatchError("a bootstrap needs at least two clusters, found 1")
    rng = np.random.default_rng(seed)
    drawn = [float(sums[rng.integers(0, len(sums), len(sums))].sum()) for _ in range(resamples)]
    low, high = np.quantile(np.array(drawn) - sums.sum(), [(1 - level) / 2, (1 + level) / 2])
    return float(value + low), float(value + high)
