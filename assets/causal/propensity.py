"""Propensity scores: the probability of being treated, by logistic regression."""

from dataclasses import dataclass

import numpy as np

from assets.causal.design import CannotMatchError
from assets.causal.sample import Booleans, Columns, Floats, Integers

_MOST_STEPS = 60
_CHUNK_ROWS = 1 << 14
_SURE_LOGIT = 10.0
"""Arms that are apart on the score, with nobody nearer to even odds than this, are separated: estimates diverge."""

_DIVERGED = (
    "the propensity model did not converge: a term separates some units from the other arm; leave out the term, or "
    "those units"
)


@dataclass(frozen=True)
class Propensity:
    """A fitted propensity model.

    Attributes:
        names: (p + 1,) ``intercept`` and the terms.
        coefficients: (p + 1,) in units of the terms; NaN for terms that are left out.
        left_out: Terms that are constant, or linear combinations of those before them.
        logit: (n,) linear predictor of each unit, rounded so that units with the same terms have the same.
    """

    names: tuple[str, ...]
    coefficients: Floats
    left_out: tuple[str, ...]
    logit: Floats

    @property
    def probability(self) -> Floats:
        """(n,) probability of being treated."""
        return _expit(self.logit)


def fit_propensity(terms: Columns, treated: Booleans) -> Propensity:
    """Unpenalised logistic regression by Newton's method, to machine precision.

    Iterates to a fixed point, where R's glm and statsmodels stop at a tolerance on the deviance. Needs one copy of the
    terms. Terms that others determine are left out as R does.

    Args:
        terms: Columns of the model, without the intercept.
        treated: (n,) arms.

    Raises:
        CannotMatchError: The terms separate the arms, so that no unit has a counterpart.
    """
    names, values = terms.full_rank
    center, scale = values.mean(axis=0), values.std(axis=0)
    standard = np.column_stack([np.ones(len(values)), (values - center) / np.where(scale > 0, scale, 1)])
    kept = _independent(standard)
    used = standard if len(kept) == standard.shape[1] else np.ascontiguousarray(standard[:, kept])
    weights = _newton(used, treated)
    logit = np.round(used @ weights, 12)
    slopes = np.full(len(names), np.nan)
    slopes[kept[1:] - 1] = weights[1:] / scale[kept[1:] - 1]
    intercept = weights[0] - np.nansum(slopes * center)
    left_out = tuple(name for name, slope in zip(names, slopes, strict=True) if np.isnan(slope))
    return Propensity(("intercept", *names), np.concatenate([[intercept], slopes]), left_out, logit)


def _independent(standard: Floats) -> Integers:
    """Columns that are no linear combination of those before them; the intercept comes first."""
    # Of cross products where there are many rows: their root has half the digits, and the threshold is above those.
    some = standard if len(standard) < 10_000 else _root(standard)
    root = np.linalg.qr(some, mode="r")
    kept = np.abs(np.diag(root)) > 1e-6 * np.sqrt(len(standard))
    kept = np.concatenate([kept, np.zeros(standard.shape[1] - len(kept), dtype=bool)])
    kept[0] = True
    return np.flatnonzero(kept)


def _root(standard: Floats) -> Floats:
    """(p, p) root of the cross products, also where columns are combinations of others."""
    values, vectors = np.linalg.eigh(standard.T @ standard)
    return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def _newton(x: Floats, treated: Booleans) -> Floats:
    """Newton's method; a step that does not raise the likelihood is halved."""
    share = treated.mean()
    weights = np.zeros(x.shape[1])
    weights[0] = np.log(share / (1 - share))
    last, likelihood = np.inf, _log_likelihood(x @ weights, treated)
    for _ in range(_MOST_STEPS):
        logit = x @ weights
        _refuse_separation(logit, treated)
        step = _step(x, treated, logit)
        size = float(np.abs(step).max())
        if size < 1e-14 or (size < 1e-9 and size >= last):
            return weights + step
        weights, likelihood = _uphill(x, treated, weights, step, likelihood)
        last = size
    if last < 1e-7:
        return weights
    raise CannotMatchError(_DIVERGED)


def _uphill(x: Floats, treated: Booleans, weights: Floats, step: Floats, likelihood: float) -> tuple[Floats, float]:
    for _ in range(30):
        there = _log_likelihood(x @ (weights + step), treated)
        if there >= likelihood - 1e-9 * (1 + abs(likelihood)):
            break
        step = step / 2
    return weights + step, there


def _log_likelihood(logit: Floats, treated: Booleans) -> float:
    return -float(np.logaddexp(0, np.where(treated, -logit, logit)).sum())


def _step(x: Floats, treated: Booleans, logit: Floats) -> Floats:
    """Newton's step, by chunks of rows that fit the processor's cache."""
    curvature, slope = np.zeros((x.shape[1], x.shape[1])), np.zeros(x.shape[1])
    for begin in range(0, len(x), _CHUNK_ROWS):
        some = slice(begin, begin + _CHUNK_ROWS)
        probability = _expit(logit[some])
        curvature += (x[some] * (probability * (1 - probability))[:, None]).T @ x[some]
        slope += x[some].T @ (treated[some] - probability)
    try:
        return np.asarray(np.linalg.solve(curvature, slope))
    except np.linalg.LinAlgError:
        raise CannotMatchError(_DIVERGED) from None


def _refuse_separation(logit: Floats, treated: Booleans) -> None:
    lowest, highest = logit[treated].min(), logit[~treated].max()
    if lowest > highest and np.abs(logit).min() > _SURE_LOGIT:
        raise CannotMatchError(
            "no overlap: the terms of the propensity model separate treated from control completely, so that nobody "
            "has a counterpart; compare other units, or leave out the covariate that decides treatment"
        )


def _expit(logit: Floats) -> Floats:
    """Probability of a logit, without overflow where it is far below zero."""
    small = np.exp(-np.abs(logit))
    return np.asarray(np.where(logit >= 0, 1, small) / (1 + small))
