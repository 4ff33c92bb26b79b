"""Standard errors of sums over pairs of users, whose members are in many pairs.

Pairs that share a user are not independent. The variance lets any two pairs with a user in common be correlated in any
way: Fafchamps and Gubert (2007, Journal of Development Economics 83:326); Aronow, Samii and Assenova (2015, Political
Analysis 23:564). It is summed by users, not over pairs of pairs, by inclusion and exclusion (Cameron, Gelbach and
Miller 2011, Journal of Business and Economic Statistics 29:238), so it costs one pass. A bootstrap that multiplies the
weights of both users (Owen 2007, Annals of Applied Statistics 1:386) agrees where users matter and counts what belongs
to a pair alone three times.
"""

from dataclasses import dataclass

import numpy as np

from assets.network.pair_events import Floats, Integers


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes:
        value: The estimate; NaN if there is none.
        lower: Lower end of its interval.
        upper: Upper end.
        standard_error: NaN with fewer than two users.
        pairs: Pairs behind it.
    """

    value: float
    lower: float
    upper: float
    standard_error: float
    pairs: int


NOTHING = Estimate(np.nan, np.nan, np.nan, np.nan, 0)


def dyadic_estimate(
    value: float, one: Integers, other: Integers, influence: Floats, pairs: int, level: float
) -> Estimate:
    """A statistic with an interval, from what each pair adds to its error.

    The quantile is Student's t, with the effective number of users as degrees of freedom (Carter, Schnepel and
    Steigerwald 2017, Review of Economics and Statistics 99:698): a few hubs are few, however many pairs they have.

    Args:
        value: The statistic.
        one: (k,) a user of each pair; rows of the same pair are added up.
        other: (k,) the other user.
        influence: (k,) influence function of each row; they sum to 0.
        pairs: Pairs to report.
        level: Nominal coverage.
    """
    from scipy import stats  # costs seconds, and definitions import what imports this module

    variance, users = dyadic_variance(one, other, influence)
    if not variance > 0 or users <= 1:
        return Estimate(value, np.nan, np.nan, np.nan, pairs)
    error = float(np.sqrt(variance))
    reach = error * float(stats.t.ppf((1 + level) / 2, users - 1))
    return Estimate(value, value - reach, value + reach, error, pairs)


def dyadic_variance(one: Integers, other: Integers, influence: Floats) -> tuple[float, float]:
    """Variance of a sum over pairs, and the effective number of users behind it.

    It is at least half of the squared sums by user: what inclusion and exclusion leave of them, on average, if pairs
    with a common user are independent. Where pairs of a user cancel one another they can leave less than nothing.

    >>> variance, users = dyadic_variance(np.array([0, 0]), np.array([1, 2]), np.array([1.0, 1.0]))
    >>> variance  # both pairs share user 0, so it is the square of their sum
    4.0
    """
    if not len(influence):
        return 0.0, 0.0
    people = int(max(one.max(), other.max())) + 1
    by_user = np.bincount(one, influence, people) + np.bincount(other, influence, people)
    _, pair = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_inverse=True)
    by_pair = np.bincount(pair, influence)
    squares = by_user**2
    total = squares.sum()
    if not total > 0:
        return 0.0, 0.0
    return float(max(total - (by_pair**2).sum(), total / 2)), float(total**2 / (squares**2).sum())
