"""Attempts to refute a result: the same design where there can be no effect, and without one stratum at a time."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from assets.causal.analysis import MatchedSample, Refutation, Result, analyse, effect_of
from assets.causal.design import CannotMatchError
from assets.causal.effects import unit_effects
from assets.causal.sample import Floats, Integers, read_sample


@dataclass(frozen=True)
class WithoutStratum:
    """The effect without one stratum.

    Attributes:
        stratum: Number of the stratum, as in the matched sample.
        n: Units of the estimand that leave with it.
        value: Effect on those who stay; NaN where nobody does.
    """

    stratum: int
    n: int
    value: float


def refute(
    table: pa.Table,
    result: Result,
    *,
    placebo_outcomes: tuple[str, ...] = (),
    negative_controls: tuple[str, ...] = (),
    placebo_treatments: tuple[str, ...] = (),
    shuffles: int = 0,
) -> Result:
    """The result with attempts to refute it.

    Args:
        table: The table of the result.
        result: What is to be refuted.
        placebo_outcomes: Outcomes from before the treatment.
        negative_controls: Outcomes that the treatment cannot move, but a confounder would.
        placebo_treatments: Treatments that cannot move the outcome.
        shuffles: Times that the treatment is shuffled within strata.

    Raises:
        CannotMatchError: A column is missing or cannot be used, or a placebo treatment leaves nothing to match.
    """
    found = [placebo_outcome(table, result, name) for name in placebo_outcomes]
    found += [replace(placebo_outcome(table, result, name), kind="negative control") for name in negative_controls]
    found += [placebo_treatment(table, result, name) for name in placebo_treatments]
    found += [shuffled_treatment(table, result, seed) for seed in range(shuffles)]
    return replace(result, refutations=(*result.refutations, *found))


def placebo_outcome(table: pa.Table, result: Result, column: str) -> Refutation:
    """Effect on another outcome; matching does not depend on outcomes, so the same matches serve.

    Args:
        table: The table of the result.
        result: The result.
        column: The other outcome, which must not be a covariate: matching would balance it away.

    Raises:
        CannotMatchError: It is one, or cannot be used.
    """
    experiment = result.experiment
    if column in (*experiment.covariates, *experiment.exact, *experiment.score_terms):
        raise CannotMatchError(f"{column} is matched on, so that an effect on it says nothing; choose another outcome")
    outcome = read_sample(table, replace(experiment, outcome=column)).outcome
    return Refutation("placebo outcome", column, effect_of(result.matched, outcome))


def placebo_treatment(table: pa.Table, result: Result, column: str) -> Refutation:
    """Effect of another treatment, matched anew.

    Args:
        table: The table of the result.
        result: The result.
        column: The other treatment.
    """
    again = analyse(table, replace(result.experiment, treatment=column), result.design)
    return Refutation("placebo treatment", column, again.effect)


def shuffled_treatment(table: pa.Table, result: Result, seed: int) -> Refutation:
    """Effect of the treatment dealt out at random within strata, matched anew.

    Whole clusters change places, each with its treatments in the order of its rows, so that a treatment which lasts
    goes on lasting; where clusters differ in length, the one takes over what the other leaves.

    Args:
        table: The table of the result.
        result: The result.
        seed: Seed of the shuffle.
    """
    name, sample, stratum = result.experiment.treatment, result.matched.sample, result.matched.stratum
    rng = np.random.default_rng(seed)
    whole = np.arange(len(stratum)) if sample.cluster is None else sample.cluster
    given, taken = (np.lexsort((rng.permutation(whole.max() + 1)[whole], stratum)) for _ in range(2))
    shuffled = np.empty(len(stratum), dtype=bool)
    shuffled[taken] = sample.treated[given]
    at = table.schema.get_field_index(name)
    again = analyse(table.set_column(at, name, pa.array(shuffled)), result.experiment, result.design)
    return Refutation("shuffled treatment", f"{name} (seed {seed})", again.effect)


def leave_one_stratum_out(result: Result) -> tuple[WithoutStratum, ...]:
    """The effect without each stratum, the matches of the others held fixed and the adjustment for bias kept.

    Args:
        result: A result with at least two strata.

    Raises:
        CannotMatchError: There is one stratum only.
    """
    matched = result.matched
    strata = np.unique(matched.stratum[matched.weights > 0])
    if len(strata) < 2:
        raise CannotMatchError("one stratum cannot be left out: match within strata, by exact or coarsened columns")
    total, count = _by_stratum(matched)
    left = count.sum() - count
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(left > 0, (total.sum() - total) / left, np.nan)
    return tuple(WithoutStratum(int(s), round(float(count[s])), float(value[s])) for s in strata if count[s] > 0)


def _by_stratum(matched: MatchedSample) -> tuple[Floats, Floats]:
    """Sum of the effects on units, and number of units, by stratum."""
    sample, size = matched.sample, int(matched.stratum.max()) + 1
    if matched.pairs is not None:
        adjusting = sample.covariates.full_rank[1] if matched.design.bias_adjusted else None
        effects = unit_effects(matched.pairs, sample.treated, sample.outcome, adjusting)
        number = matched.stratum[matched.pairs.units]
        return _sums(number, effects, size), _sums(number, np.ones(len(number)), size)
    inside = matched.stratum >= 0
    sums = {}
    for arm in (True, False):
        rows = inside & (sample.treated == arm)
        number, weights = matched.stratum[rows], matched.weights[rows]
        sums[arm] = _sums(number, weights * sample.outcome[rows], size), _sums(number, weights, size)
    return sums[True][0] - sums[False][0], sums[True][1]


def _sums(number: Integers, values: Floats, size: int) -> Floats:
    return np.bincount(number, values, size).astype(np.float64)
