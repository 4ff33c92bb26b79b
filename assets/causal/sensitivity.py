"""How strong an unobserved confounder would have to be: Rosenbaum bounds and E-values."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from assets.causal.sample import Floats

Zeros = Literal["dropped", "ranked"]
_LARGEST_GAMMA = 1e3


@dataclass(frozen=True)
class Bound:
    """What holds if matched units differ in their odds of treatment by at most a factor.

    Attributes:
        gamma: The factor; 1 is no unobserved confounding.
        p_lower: Smallest one-sided p-value that the effect is above zero, pairs without a difference dropped.
        p_upper: Largest.
        p_lower_ranked: As ``p_lower`` with those pairs ranked, and counted as not positive.
        p_upper_ranked: As ``p_upper``.
        effect_lower: Smallest Hodges-Lehmann estimate.
        effect_upper: Largest.
    """

    gamma: float
    p_lower: float
    p_upper: float
    p_lower_ranked: float
    p_upper_ranked: float
    effect_lower: float
    effect_upper: float


@dataclass(frozen=True)
class EValue:
    """E-value of an effect and of its interval.

    Attributes:
        risk_ratio: Of the effect, or what approximates it.
        estimate: Smallest risk ratio with which a confounder would have to go with treatment and with outcome to
            explain the effect away.
        interval: The same for the end of the interval that is nearer to no effect; 1 where the interval holds none.
        approximation: How the risk ratio came about, in words.
    """

    risk_ratio: float
    estimate: float
    interval: float
    approximation: str


def signed_rank(differences: Floats, zeros: Zeros) -> tuple[Floats, Floats]:
    """Ranks of absolute differences, mid-ranks for ties, and the share of each that counts as positive.

    Args:
        differences: (k,) treated less control.
        zeros: Pairs without a difference are ``dropped`` (Wilcoxon; R's rbounds 2.2), or ``ranked`` and counted as not
            positive, which favours no effect.

    Returns:
        Ranks, and 1 for positive differences, 0 for the others.
    """
    from scipy import stats  # costs seconds, and definitions import this package

    kept = differences[differences != 0] if zeros == "dropped" else differences
    return np.asarray(stats.rankdata(np.abs(kept))), (kept > 0).astype(np.float64)


def p_values(differences: Floats, gamma: float, zeros: Zeros) -> tuple[float, float]:
    """Bounds of Wilcoxon's one-sided signed-rank p-value (Rosenbaum 2002, *Observational Studies*, section 4.3.3).

    Normal approximation with the variance of ties, as R's rbounds (``psens``). Exact theory is for pairs of distinct
    units; matches that share controls make it an approximation.

    Args:
        differences: (k,) treated less control.
        gamma: Largest ratio of odds, at least 1.
        zeros: What happens to pairs without a difference.

    Returns:
        Smallest and largest p-value; both 1 without any difference.

    Raises:
        ValueError: ``gamma`` is below 1.
    """
    from scipy import stats  # costs seconds, and definitions import this package

    if not gamma >= 1:
        raise ValueError(f"gamma is a ratio of odds of at least 1, found {gamma}")
    ranks, positive = signed_rank(differences, zeros)
    if not positive.any():
        return 1.0, 1.0
    high = gamma / (1 + gamma)
    spread = np.sqrt(np.sum(ranks**2) * high * (1 - high))
    statistic, total = float(ranks @ positive), float(ranks.sum())
    low_p, high_p = (float(stats.norm.sf((statistic - total * share) / spread)) for share in (1 - high, high))
    return low_p, high_p


def hodges_lehmann(differences: Floats, gamma: float) -> tuple[float, float]:
    """Bounds of the Hodges-Lehmann estimate of an additive effect (Rosenbaum 1993, JASA 88:1250).

    A shift at which the signed-rank statistic crosses its largest (smallest) expectation; pairs equal to the shift
    count half. By Brent's method to 1e-10 of the range of differences.

    Args:
        differences: (k,) treated less control, at least one.
        gamma: Largest ratio of odds, at least 1.
    """
    from scipy import optimize, stats  # costs seconds, and definitions import this package

    low, high = float(differences.min()), float(differences.max())
    width = max(high - low, 1e-9 * (1 + abs(low)))

    def share(shift: float) -> float:
        moved = differences - shift
        ranks = stats.rankdata(np.abs(moved))
        return float(ranks @ ((moved > 0) + 0.5 * (moved == 0)) / ranks.sum())

    def solve(target: float) -> float:
        ends = low - 1e-6 * width, high + 1e-6 * width
        return float(optimize.brentq(lambda shift: share(shift) - target, *ends, xtol=1e-10 * width))

    high_share = gamma / (1 + gamma)
    return solve(high_share), solve(1 - high_share)


def rosenbaum_bounds(differences: Floats, gammas: tuple[float, ...]) -> tuple[Bound, ...]:
    """p-values by both conventions for pairs without a difference, and Hodges-Lehmann estimates, by gamma.

    Args:
        differences: (k,) treated less control, at least one.
        gammas: Ratios of odds, each at least 1.
    """
    return tuple(
        Bound(
            gamma,
            *p_values(differences, gamma, "dropped"),
            *p_values(differences, gamma, "ranked"),
            *hodges_lehmann(differences, gamma),
        )
        for gamma in gammas
    )


def gamma_star(differences: Floats, zeros: Zeros = "dropped", alpha: float = 0.05) -> float:
    """Largest gamma at which the two-sided test still rejects, in the direction of the effect; 1 if it never does.

    Args:
        differences: (k,) treated less control.
        zeros: What happens to pairs without a difference.
        alpha: Two-sided level: the one-sided bound is held against half of it.
    """
    ranks, positive = signed_rank(differences, "dropped")
    signed = differences if ranks @ positive >= ranks.sum() / 2 else -differences

    def rejects(gamma: float) -> bool:
        return p_values(signed, gamma, zeros)[1] <= alpha / 2

    if not rejects(1.0):
        return 1.0
    low, high = 1.0, _LARGEST_GAMMA
    if rejects(high):
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rejects(middle) else (low, middle)
    return low


def e_value(risk_ratio: float, nearest: float) -> tuple[float, float]:
    """E-values of a risk ratio and of the end of its interval nearest to 1 (VanderWeele and Ding 2017, AIM 167:268).

    Args:
        risk_ratio: Positive.
        nearest: That end; on the other side of 1 its E-value is 1.

    Raises:
        ValueError: A ratio is not positive.
    """
    if not (risk_ratio > 0 and nearest > 0):
        raise ValueError(f"risk ratios are positive, found {risk_ratio} and {nearest}")
    if risk_ratio < 1:
        risk_ratio, nearest = 1 / risk_ratio, 1 / nearest
    values = [ratio + np.sqrt(ratio * (ratio - 1)) if ratio > 1 else 1.0 for ratio in (risk_ratio, nearest)]
    return float(values[0]), float(values[1])


def e_value_of_means(effect: float, lower: float, upper: float, spread: float) -> EValue:
    """E-value of a difference in means through its standardised size d: risk ratio about exp(0.91 d).

    The approximation is Chinn's (2000) for an outcome cut at its median, as VanderWeele and Ding (2017) propose; it
    supposes a normal outcome of equal variance in the arms.

    Args:
        effect: Difference in means.
        lower: Lower end of its interval.
        upper: Upper end.
        spread: Standard deviation of the outcome; NaN or 0 gives E-values of NaN.
    """
    words = "risk ratio exp(0.91 d) of the standardised difference d in means, for a normal outcome of equal variance"
    if not spread > 0 or np.isnan(lower) or np.isnan(upper):
        return EValue(float("nan"), float("nan"), float("nan"), words)
    nearest = lower if effect > 0 else upper
    # Beyond exp(300) the E-value says no more than that; the cut keeps it a number.
    ratio, end = (float(np.exp(np.clip(0.91 * x / spread, -300, 300))) for x in (effect, nearest))
    return EValue(ratio, *e_value(ratio, end), words)


def e_value_of_risks(control: float, effect: float, lower: float, upper: float) -> EValue:
    """E-value of a difference in risks, as the ratio to the risk of the controls; the interval moves with it.

    Args:
        control: Risk of the matched controls.
        effect: Difference in risks.
        lower: Lower end of its interval.
        upper: Upper end.
    """
    words = "risk of the treated over that of the matched controls, whose risk counts as known"
    if not control > 0 or np.isnan(lower) or np.isnan(upper):
        return EValue(float("nan"), float("nan"), float("nan"), words)
    # A risk of the treated at or below zero is no ratio; the cut keeps it one, with an E-value beyond any confounder.
    ratio, low, high = (max((control + x) / control, 1e-9) for x in (effect, lower, upper))
    return EValue(ratio, *e_value(ratio, low if effect > 0 else high), words)
