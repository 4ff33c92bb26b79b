"""What errors of scores can add to an effect: a mean of few scores is held equal without being equal."""

import numpy as np

from assets.causal.analysis import Result
from assets.causal.sample import Floats


def shift_by_errors(result: Result, covariate: str, variance: Floats) -> float:
    """Most that errors of a covariate can have added to the effect on a change since that covariate.

    Units are treated for what they are, C, and matched on what is measured, B = C + error. To first order in the
    variance of the error, C of the treated is then above that of their matches by var(C | B) x the slope of the
    log-odds of treatment on C, and var(C | B) is at most the variance of the error. What they become after the
    treatment is above by as much, since it goes on from C; so is the change since B, which is the same for both.

    Args:
        result: Matched on a propensity score.
        covariate: Name of B among the covariates.
        variance: (n,) variance of its error for each unit of the result.

    Returns:
        Mean over the matched treated, in units of the covariate; NaN without a score, or where nobody knows.
    """
    matched = result.matched
    if matched.propensity is None or covariate not in matched.propensity.names:
        return float("nan")
    slopes = dict(zip(matched.propensity.names, np.nan_to_num(matched.propensity.coefficients), strict=True))
    sample = matched.sample
    values = sample.covariates.values[:, sample.covariates.names.index(covariate)]
    slope = slopes[covariate] + 2 * slopes.get(f"{covariate} squared", 0.0) * (values - values.mean())
    treated = sample.treated & (matched.weights > 0)
    return float(np.average((variance * slope)[treated], weights=matched.weights[treated]))
