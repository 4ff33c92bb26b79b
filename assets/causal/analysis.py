"""From a table, an experiment and a design to one result that holds the estimate and all that speaks against it."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from assets.causal import errors, sensitivity
from assets.causal.balance import TARGET_SMD, Balance, Overlap, balance_table, effective_size, overlap
from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.effects import (
    Estimate,
    estimate,
    naive,
    pair_effects,
    slopes_among_matches,
    unit_effects,
    weighted_scores,
)
from assets.causal.matched import (
    Dropped,
    Pairs,
    is_sought_for,
    match,
    subclasses,
    weights_of_pairs,
    weights_of_strata,
    why_dropped,
)
from assets.causal.points import Points, points_of
from assets.causal.propensity import Propensity, fit_propensity
from assets.causal.sample import Floats, Integers, Sample, read_sample
from assets.causal.strata import assign_strata, cuts_of
from assets.statistics.multiplicity import holm

GAMMAS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class MatchedSample:
    """Units matched; knows nothing of outcomes but where they are.

    Attributes:
        sample: All units.
        design: How they were matched.
        stratum: (n,) strata in which units were matched, or which are the match; -1 for none.
        weights: (n,) weight of each unit in its arm's mean, 0 for units left out.
        dropped: Units left out, by arm and reason.
        propensity: The fitted score, where the design needs one.
        points: Where units are (nearest neighbours only).
        pairs: Who is whose match (nearest neighbours only).
    """

    sample: Sample
    design: Design
    stratum: Integers
    weights: Floats
    dropped: tuple[Dropped, ...]
    propensity: Propensity | None = None
    points: Points | None = None
    pairs: Pairs | None = None


@dataclass(frozen=True)
class Sensitivity:
    """What an unobserved confounder would have to do.

    Attributes:
        bounds: Rosenbaum bounds by gamma; none for strata and subclasses, which have no pairs.
        gamma_star: Largest gamma at which the effect is significant, pairs without a difference dropped; NaN without
            pairs.
        gamma_star_ranked: The same with those pairs ranked.
        e_value: E-value.
    """

    bounds: tuple[sensitivity.Bound, ...]
    gamma_star: float
    gamma_star_ranked: float
    e_value: sensitivity.EValue


@dataclass(frozen=True)
class Refutation:
    """One attempt to refute a result.

    Attributes:
        kind: ``placebo outcome``, ``placebo treatment``, ``shuffled treatment`` or ``negative control``.
        column: Column that took the place of the outcome or the treatment.
        effect: What the same design finds there, where nothing should be.
    """

    kind: str
    column: str
    effect: Estimate

    @property
    def is_shuffle(self) -> bool:
        """Whether the treatment was dealt out at random."""
        return self.kind == "shuffled treatment"

    @property
    def found_something(self) -> bool:
        """Whether the interval leaves out zero."""
        return not self.effect.lower <= 0 <= self.effect.upper


@dataclass(frozen=True)
class Result:
    """All that one matching experiment says, and what speaks against it.

    Attributes:
        experiment: What was asked.
        design: How.
        matched: Who is compared with whom, with the reasons of those left out.
        counts: Units and matched units, by arm.
        effective_sizes: Effective sample size of the matched treated and controls.
        balance: Covariates before and after.
        overlap: Of the propensity score, where the design needs one.
        effect: The estimate.
        naive: Difference in means of all units.
        sensitivity: To unobserved confounding.
        refutations: Attempts to refute it, none until :func:`assets.causal.refutation.refute` ran.
    """

    experiment: Experiment
    design: Design
    matched: MatchedSample
    counts: dict[str, int]
    effective_sizes: tuple[float, float]
    balance: tuple[Balance, ...]
    overlap: Overlap | None
    effect: Estimate
    naive: Estimate
    sensitivity: Sensitivity
    refutations: tuple[Refutation, ...] = field(default=())

    @property
    def largest_smd(self) -> float:
        """Largest |SMD| of a covariate after matching; the score is no covariate."""
        return max(abs(row.after.smd) for row in self.balance if row.covariate != "distance")

    @property
    def found_where_nothing_is(self) -> tuple[Refutation, ...]:
        """Attempts that refute it, adjusted for how many of their family were made (Holm): some find by chance.

        Shuffles are a family of their own, so that many of them do not hide a placebo that fails.
        """
        shuffled = [one for one in self.refutations if one.is_shuffle]
        others = [one for one in self.refutations if not one.is_shuffle]
        return tuple(
            one
            for family in (others, shuffled)
            for one, p_value in zip(family, holm([one.effect.p_value for one in family]), strict=True)
            if p_value < 1 - self.design.level
        )

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the estimate is not credible, in words; none if nothing was found."""
        unbalanced = [
            f"{row.covariate} ({row.after.smd:+.2f})"
            for row in self.balance
            if row.covariate != "distance" and not abs(row.after.smd) <= TARGET_SMD
        ]
        words = [f"not balanced, |SMD| above {TARGET_SMD}: {', '.join(unbalanced)}"] if unbalanced else []
        words += [
            f"{one.kind} {one.column} has an effect of {one.effect.value:.4g} "
            f"({one.effect.lower:.4g} to {one.effect.upper:.4g}), where there can be none"
            for one in self.found_where_nothing_is
        ]
        if np.isnan(self.effect.standard_error):
            words.append("the standard error is unknown")
        return tuple(words)


def analyse(table: pa.Table, experiment: Experiment, design: Design) -> Result:
    """Match, estimate and diagnose.

    Args:
        table: One row per unit.
        experiment: Columns.
        design: Choices.

    Raises:
        CannotMatchError: Table, experiment or design are refused, or nobody has a match; the message says what to do.
    """
    matched = form_matched_sample(table, experiment, design)
    sample, weights, propensity = matched.sample, matched.weights, matched.propensity
    effect = effect_of(matched, sample.outcome)
    score = None
    if propensity is not None:
        score = propensity.probability if design.metric == "propensity" else propensity.logit
    arms = {"treated": sample.treated, "control": ~sample.treated}
    counts = {name: int(arm.sum()) for name, arm in arms.items()}
    counts |= {f"matched_{name}": int((weights[arm] > 0).sum()) for name, arm in arms.items()}
    return Result(
        experiment,
        design,
        matched,
        counts,
        (effective_size(weights[sample.treated]), effective_size(weights[~sample.treated])),
        balance_table(sample, weights, score),
        None if propensity is None else overlap(propensity.probability, sample.treated),
        effect,
        _naive(sample, design.level),
        _sensitivity(matched, effect),
    )


def form_matched_sample(table: pa.Table, experiment: Experiment, design: Design) -> MatchedSample:
    """Match; the outcome is read, and not used.

    Args:
        table: One row per unit.
        experiment: Columns.
        design: Choices.

    Raises:
        CannotMatchError: See :func:`analyse`.
    """
    design.refuse_nonsense(experiment)
    sample = read_sample(table, experiment)
    keys = cuts_of(table, experiment, design)
    if design.method == "strata" and not keys:
        raise CannotMatchError(f"experiment {experiment.name}: strata need exact or coarsened columns, or coarsen_rest")
    stratum = assign_strata(table, keys, sample.treated).stratum
    terms = sample.score_terms.with_squares if design.squares else sample.score_terms
    propensity = fit_propensity(terms, sample.treated) if design.needs_score else None
    if design.method == "nearest":
        points = points_of(sample, design, stratum, propensity)
        pairs = match(sample, design, points, propensity)
        weights, dropped = weights_of_pairs(pairs, len(stratum)), why_dropped(sample, points, pairs)
        return MatchedSample(sample, design, stratum, weights, dropped, propensity, points, pairs)
    if design.method == "subclasses" and propensity is not None:
        stratum = subclasses(sample, propensity, stratum, design.subclasses)
    weights = weights_of_strata(stratum, sample.treated, experiment.estimand)
    out = {arm: int(((stratum < 0) & (sample.treated == arm)).sum()) for arm in (True, False)}
    names = {True: "treated", False: "control"}
    reason = "nobody of the other arm is in the stratum"
    dropped = tuple(Dropped(names[arm], reason, count) for arm, count in out.items() if count)
    return MatchedSample(sample, design, stratum, weights, dropped, propensity)


def effect_of(matched: MatchedSample, outcome: Floats) -> Estimate:
    """Effect on any outcome of a matched sample, with the standard error that is valid for its design.

    Args:
        matched: The matched sample.
        outcome: (n,) finite outcomes.
    """
    if matched.pairs is None:
        return _effect_of_strata(matched, outcome)
    if matched.design.replacement:
        return _effect_with_replacement(matched, matched.pairs, outcome)
    return _effect_without_replacement(matched, matched.pairs, outcome)


def _adjusting(matched: MatchedSample) -> Floats | None:
    return matched.sample.covariates.full_rank[1] if matched.design.bias_adjusted else None


def _effect_with_replacement(matched: MatchedSample, pairs: Pairs, outcome: Floats) -> Estimate:
    sample, design, n = matched.sample, matched.design, len(outcome)
    adjusting = _adjusting(matched)
    effects = unit_effects(pairs, sample.treated, outcome, adjusting)
    if sample.cluster is not None:
        scores = errors.linear_scores(pairs, sample.treated, outcome, sample.covariates.full_rank[1])
        used = matched.weights > 0
        error, words = errors.clustered_error(scores[used], sample.cluster[used]), "linear scores by cluster"
    else:
        if design.variance_matches and matched.points is not None:
            rows = np.unique(pairs.match)
            variance = errors.neighbour_variance(matched.points, sample.treated, outcome, rows, design.variance_matches)
            words = f"Abadie-Imbens, variance from {design.variance_matches} neighbours of the same arm"
        else:
            variance = errors.one_variance(pairs, pair_effects(pairs, sample.treated, outcome, adjusting), n)
            words = "Abadie-Imbens, one variance"
        error = errors.abadie_imbens_error(pairs, effects, variance)
    return estimate(float(effects.mean()), error, len(effects), words, design.level)


def _effect_without_replacement(matched: MatchedSample, pairs: Pairs, outcome: Floats) -> Estimate:
    sample = matched.sample
    adjusting = _adjusting(matched)
    if adjusting is not None:
        outcome = outcome - adjusting @ slopes_among_matches(pairs.match, pairs.weight, outcome, adjusting)
    value, scores = weighted_scores(matched.weights, sample.treated, outcome)
    sets = np.full(len(outcome), -1)
    sets[pairs.focal], sets[pairs.match] = pairs.focal, pairs.focal
    error, words = _clustered(matched, scores, sets, "matched set")
    return estimate(value, error, len(pairs.units), words, matched.design.level)


def _effect_of_strata(matched: MatchedSample, outcome: Floats) -> Estimate:
    sample, stratum = matched.sample, matched.stratum
    value, scores = weighted_scores(matched.weights, sample.treated, outcome)
    n = int((is_sought_for(sample.treated, sample.experiment.estimand) & (stratum >= 0)).sum())
    error = None
    if sample.cluster is None:
        error = errors.within_strata_error(stratum, matched.weights, sample.treated, outcome)
    words = "within strata"
    if error is None:
        error, words = _clustered(matched, scores, stratum, "stratum")
    return estimate(value, error, n, words, matched.design.level)


def _clustered(matched: MatchedSample, scores: Floats, sets: Integers, kind: str) -> tuple[float, str]:
    """Error by matched sets, and by clusters of units at the same time; NaN with one set."""
    used, cluster = matched.weights > 0, matched.sample.cluster
    if len(np.unique(sets[used])) < 2 or (cluster is not None and len(np.unique(cluster[used])) < 2):
        return float("nan"), f"unknown: a single {kind} or cluster"
    if cluster is None:
        return errors.clustered_error(scores[used], sets[used]), f"clustered by {kind}"
    words = f"clustered by {kind} and by {matched.sample.experiment.cluster}"
    return errors.clustered_error(scores[used], sets[used], cluster[used]), words


def _naive(sample: Sample, level: float) -> Estimate:
    found = naive(sample.treated, sample.outcome, level)
    if sample.cluster is None:
        return found
    _, scores = weighted_scores(np.ones(len(sample.treated)), sample.treated, sample.outcome)
    error = errors.clustered_error(scores, sample.cluster)
    words = f"clustered by {sample.experiment.cluster}"
    return estimate(found.value, error, found.n, words, level)


def _sensitivity(matched: MatchedSample, effect: Estimate) -> Sensitivity:
    e_value = _e_value(matched, effect)
    if matched.pairs is None:
        return Sensitivity((), float("nan"), float("nan"), e_value)
    differences = rank_differences(matched)
    alpha = 1 - matched.design.level
    bounds = sensitivity.rosenbaum_bounds(differences, GAMMAS)
    dropped = sensitivity.gamma_star(differences, "dropped", alpha)
    return Sensitivity(bounds, dropped, sensitivity.gamma_star(differences, "ranked", alpha), e_value)


def rank_differences(matched: MatchedSample) -> Floats:
    """Outcome of each unit less that of its nearest match, for signed ranks.

    A mean of several matches is not distributed like one outcome, so the difference from it would not be symmetric
    where there is no effect. For outcomes of 0 and 1 these are the pairs of McNemar's test.
    """
    if matched.pairs is None:
        return np.zeros(0)
    pairs = matched.pairs if matched.design.ratio == 1 else matched.pairs.nearest
    return unit_effects(pairs, matched.sample.treated, matched.sample.outcome)


def _e_value(matched: MatchedSample, effect: Estimate) -> sensitivity.EValue:
    """From the ratio of risks where the outcome is 0 and 1, else from the standardised difference."""
    sample, weights = matched.sample, matched.weights
    arms = [(sample.outcome[arm], weights[arm]) for arm in (sample.treated, ~sample.treated)]
    means = [float(np.average(outcome, weights=weight)) for outcome, weight in arms]
    if np.isin(sample.outcome, [0, 1]).all():
        return sensitivity.e_value_of_risks(means[1], effect.value, effect.lower, effect.upper)
    variances = [
        float(np.average((outcome - mean) ** 2, weights=weight))
        for (outcome, weight), mean in zip(arms, means, strict=True)
    ]
    return sensitivity.e_value_of_means(effect.value, effect.lower, effect.upper, float(np.sqrt(np.mean(variances))))
