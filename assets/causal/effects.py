"""Effects of matched samples: by unit, by pair, of weighted arms. Their standard errors are in ``errors.py``."""

from dataclasses import dataclass

import numpy as np

from assets.causal.design import CannotMatchError
from assets.causal.matched import Pairs
from assets.causal.sample import Booleans, Floats, Integers


@dataclass(frozen=True)
class Estimate:
    """An effect with its error.

    Attributes:
        value: In units of the outcome.
        standard_error: Its standard error.
        lower: Lower end of the normal interval.
        upper: Upper end.
        p_value: Two-sided, normal.
        n: Units that the effect is averaged over.
        errors: Name of the standard error, in words.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    p_value: float
    n: int
    errors: str


def estimate(value: float, standard_error: float, n: int, errors: str, level: float = 0.95) -> Estimate:
    """An effect with its normal interval and p-value; NaN where the error is unknown, 0 and 1 where it is zero."""
    from scipy import stats  # costs seconds, and definitions import this package

    reach = stats.norm.ppf((1 + level) / 2) * standard_error
    p_value = 2 * stats.norm.sf(abs(value) / standard_error) if standard_error > 0 else float(value == 0)
    p_value = float("nan") if np.isnan(standard_error) else float(p_value)
    return Estimate(value, standard_error, float(value - reach), float(value + reach), p_value, n, errors)


def naive(treated: Booleans, outcome: Floats, level: float = 0.95) -> Estimate:
    """Difference in means of the arms as they are, with Welch's standard error.

    Args:
        treated: (n,) arms.
        outcome: (n,) outcomes.
        level: Nominal coverage.
    """
    arms = outcome[treated], outcome[~treated]
    error = np.sqrt(sum(arm.var(ddof=1) / len(arm) if len(arm) > 1 else np.nan for arm in arms))
    return estimate(float(arms[0].mean() - arms[1].mean()), float(error), len(outcome), "unequal variances", level)


def unit_effects(pairs: Pairs, treated: Booleans, outcome: Floats, covariates: Floats | None = None) -> Floats:
    """Effect on each unit that has matches: its outcome less that of its matches, signed treated less control.

    With covariates, the difference that matching left in them is regressed away (Abadie and Imbens 2011, JBES 29:1):
    least squares of outcome on covariates over the matches, each counting with its weight, as R's Matching does.

    Args:
        pairs: Units and matches.
        treated: (n,) arms.
        outcome: (n,) outcomes.
        covariates: (n, p) to adjust for; None adjusts nothing.

    Returns:
        (u,) effects, in the order of ``pairs.units``.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(pairs.focal) != 0])
    return np.add.reduceat(pair_effects(pairs, treated, outcome, covariates) * pairs.weight, starts)


def pair_effects(pairs: Pairs, treated: Booleans, outcome: Floats, covariates: Floats | None = None) -> Floats:
    """(k,) effect by each pair, adjusted as :func:`unit_effects` adjusts; arguments are the same."""
    difference = outcome[pairs.focal] - outcome[pairs.match]
    for arm in (True, False) if covariates is not None else ():
        of_arm = treated[pairs.match] == arm
        if covariates is not None and of_arm.any():
            slopes = slopes_among_matches(pairs.match[of_arm], pairs.weight[of_arm], outcome, covariates)
            left = covariates[pairs.focal[of_arm]] - covariates[pairs.match[of_arm]]
            difference[of_arm] -= left @ slopes
    return np.asarray(np.where(treated[pairs.focal], difference, -difference))


def slopes_among_matches(matches: Integers, weight: Floats, outcome: Floats, covariates: Floats) -> Floats:
    """(p,) least squares slopes of outcome on covariates over matches; 0 for what does not vary among them.

    Args:
        matches: (k,) rows.
        weight: (k,) of each.
        outcome: (n,) outcomes.
        covariates: (n, p) covariates.
    """
    weights = np.bincount(matches, weight, len(outcome))
    used = np.flatnonzero(weights)
    center = np.average(covariates[used], axis=0, weights=weights[used])
    spread = covariates[used].std(axis=0)
    spread = np.where(spread > 0, spread, np.inf)
    x = np.column_stack([np.ones(len(used)), (covariates[used] - center) / spread])
    root = np.sqrt(weights[used])
    return np.asarray(np.linalg.lstsq(x * root[:, None], outcome[used] * root, rcond=1e-10)[0][1:] / spread)


def weighted_scores(weights: Floats, treated: Booleans, outcome: Floats) -> tuple[float, Floats]:
    """Difference of weighted means, and each unit's contribution to its deviation.

    Args:
        weights: (n,) weights, 0 for units left out.
        treated: (n,) arms.
        outcome: (n,) outcomes.
    """
    scores, means = np.zeros(len(weights)), []
    for arm, sign in ((True, 1), (False, -1)):
        inside = treated == arm
        total = weights[inside].sum()
        if not total > 0:
            raise CannotMatchError(f"no unit of the {'treated' if arm else 'control'} arm has a weight")
        means.append(float(np.average(outcome[inside], weights=weights[inside])))
        scores[inside] = sign * weights[inside] * (outcome[inside] - means[-1]) / total
    return means[0] - means[1], scores
