"""All that a declared experiment gives on user-months: the effect, what speaks against it, and its parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.causal.analysis import Refutation, Result, analyse, effect_of
from assets.causal.comparable import comparable, treated_of, with_numbers
from assets.causal.declared import MONTH, TREATED, USER, Dose, MatchingExperiment, Measure
from assets.causal.design import CannotMatchError, Design
from assets.causal.effects import Estimate
from assets.causal.refutation import leave_one_stratum_out, shuffled_treatment
from assets.causal.sample import Integers, read_sample
from assets.causal.score_errors import shift_by_errors

MOST_ATTRITION_APART = 0.1
"""Difference between the arms' shares without an outcome above which a result is not credible."""

OTHER_DESIGNS: dict[str, Design] = {
    "one to one, each control once": Design(caliper_sd=0.2),
    "subclasses of the score": Design(method="subclasses", subclasses=5),
}
"""Designs that a result should not hang on."""


@dataclass(frozen=True)
class Arm:
    """One arm before matching.

    Attributes:
        units: User-months that were treated, or compared.
        without_outcome: Those of them that have no outcome.
        without_covariate: Those with an outcome that lack a covariate.
        alone: Those with both of whose kind, by an indicator, there is nobody in the other arm.
        treated_later: Share of those with an outcome who were treated in the window too; NaN if undeclared.
    """

    units: int
    without_outcome: int
    without_covariate: int
    treated_later: float
    alone: int = 0


@dataclass(frozen=True)
class Part:
    """An effect in a part of the units, or by another way.

    Attributes:
        kind: What kind of part, such as ``month`` or ``design``.
        name: Which one.
        effect: What is found there; None where it cannot be estimated.
        reason: Why it cannot.
        outcome: Name of the outcome.
        largest_smd: Largest absolute standardised mean difference after matching; NaN without matching.
    """

    kind: str
    name: str
    effect: Estimate | None
    outcome: str
    reason: str = ""
    largest_smd: float = float("nan")


@dataclass(frozen=True)
class DoseGroup:
    """Units with a dose between two cuts, against those in the group of the reference.

    Attributes:
        low: Lower edge; minus infinity for the first.
        high: Upper edge.
        mean_dose: Mean dose of its units.
        units: Its units.
        part: The effect; zero by definition for the reference.
    """

    low: float
    high: float
    mean_dose: float
    units: int
    part: Part


@dataclass(frozen=True)
class Report:
    """What an experiment says.

    Attributes:
        experiment: What was asked.
        arms: Before matching, by name.
        result: The matched comparison, with the attempts to refute it; None where there is none.
        reason: Why there is none.
        matched: ``user_id``, ``event_month``, ``is_treated`` and ``weight`` of the matched user-months.
        error_shift: Most that errors of scores can have added to the effect; NaN where that is not asked or not known.
        treated_before: Share of the comparison whose user was treated in the months before that the outcome spans.
        parts: Effects by month, on other outcomes, by other designs.
        doses: Dose-response.
    """

    experiment: MatchingExperiment
    arms: dict[str, Arm]
    result: Result | None
    reason: str = ""
    matched: pa.Table | None = None
    treated_before: float = float("nan")
    error_shift: float = float("nan")
    parts: tuple[Part, ...] = ()
    doses: tuple[DoseGroup, ...] = ()

    @property
    def objections(self) -> tuple[str, ...]:
        """What speaks against the result, in words; none if nothing was found."""
        if self.result is None:
            return (self.reason,)
        words = list(self.result.objections)
        if not any(one.kind == "placebo outcome" for one in self.result.refutations):
            words.append("no placebo outcome could be tried")
        shares = [arm.without_outcome / arm.units for arm in self.arms.values() if arm.units]
        if max(shares) - min(shares) > MOST_ATTRITION_APART:
            words.append(f"arms differ in who has an outcome: {shares[0]:.0%} and {shares[1]:.0%} have none")
        if can_be_errors(self.result.effect.lower, self.result.effect.upper, self.error_shift):
            words.append(f"errors of scores can make {self.error_shift:+.2g}, and what is left can be nothing")
        return tuple(words)


def can_be_errors(lower: float, upper: float, shift: float) -> bool:
    """Whether something is found (at 5 %, by itself) that is not found any more without what errors can have added.

    Args:
        lower: Lower end of its interval.
        upper: Upper end.
        shift: Most that errors of scores can have added.
    """
    least = lower if lower > 0 else upper
    return bool((lower > 0 or upper < 0) and least * shift > 0 and abs(shift) >= abs(least))


def report(units: pa.Table, experiment: MatchingExperiment, *, shuffles: int = 0, in_parts: bool = True) -> Report:
    """Match, estimate, try to refute, and take apart.

    Args:
        units: What ``experiment.query(all_doses=True)`` gives.
        experiment: What is asked.
        shuffles: Times that the treatment is shuffled within strata.
        in_parts: Whether to give parts and doses too, which takes most of the time.
    """
    chosen = units.filter(pc.is_valid(units[TREATED]))
    arms = {name: _arm(chosen, experiment, name == "treated") for name in ("treated", "compared")}
    complete = with_numbers(chosen, (experiment.outcome, *experiment.covariates))
    try:
        compared = comparable(complete, experiment, experiment.outcome)
        result = analyse(compared.units, compared.columns, compared.design)
    except CannotMatchError as error:
        return Report(experiment, arms, None, str(error))
    arms = {name: replace(arm, alone=compared.alone[name]) for name, arm in arms.items()}
    tried = [*_other_outcomes(complete, experiment), *_shuffled(compared.units, result, shuffles)]
    result = replace(result, refutations=tuple(one for one in tried if isinstance(one, Refutation)))
    matched = _matched(compared.units, result)
    treated_before = _treated_before(matched, complete, experiment)
    untried = tuple(one for one in tried if isinstance(one, Part))
    shift = _error_shift(compared.units, result, experiment)
    found = Report(experiment, arms, result, "", matched, treated_before, shift, untried)
    if not in_parts:
        return found
    parts = (
        *_also(compared.units, experiment, result),
        *_by_month(complete, experiment),
        *_other_ways(complete, experiment),
        *_without_periods(compared.units, result),
    )
    return replace(found, parts=(*parts, *untried), doses=tuple(_doses(units, experiment)))


def without_linked(found: Report, units: pa.Table, linked: pa.Table) -> Report:
    """The report with an effect beside it that compares with nobody who is linked to a treated user.

    Args:
        found: A report.
        units: Its user-months.
        linked: ``user_id`` and ``event_month`` of those to be left out of the comparison.
    """
    if found.result is None:
        return found
    chosen = units.filter(pc.is_valid(units[TREATED]))
    complete = with_numbers(chosen, (found.experiment.outcome, *found.experiment.covariates))
    marked = linked.select([USER, MONTH]).append_column("is_linked", pa.array([True] * linked.num_rows, pa.bool_()))
    joined = complete.join(marked, [USER, MONTH]).sort_by([(USER, "ascending"), (MONTH, "ascending")])
    apart = pc.or_(joined[TREATED], pc.invert(pc.fill_null(joined["is_linked"], False)))
    name = "without comparisons linked to the treated"
    return replace(found, parts=(*found.parts, _part("units", name, joined.filter(apart), found.experiment)))


def with_placebo_treatments(found: Report, units: Mapping[str, pa.Table]) -> Report:
    """The report with attempts to refute it by treatments that cannot move the outcome.

    Args:
        found: A report.
        units: By name of a declared placebo treatment, what the query of ``with_placebo`` gives.
    """
    if found.result is None:
        return found
    tried = [
        _refuted("placebo treatment", one.name, units[one.name], found.experiment.with_placebo(one))
        for one in found.experiment.placebo_treatments
    ]
    refutations = tuple(one for one in tried if isinstance(one, Refutation))
    result = replace(found.result, refutations=(*found.result.refutations, *refutations))
    return replace(found, result=result, parts=(*found.parts, *(one for one in tried if isinstance(one, Part))))


def _matched(units: pa.Table, result: Result) -> pa.Table:
    used = np.flatnonzero(result.matched.weights > 0)
    chosen = units.select([USER, MONTH, TREATED]).take(pa.array(used))
    return chosen.append_column("weight", pa.array(result.matched.weights[used]))


def _treated_before(matched: pa.Table, complete: pa.Table, experiment: MatchingExperiment) -> float:
    """Share of the comparison, as weighted, whose user was treated in the months before that the outcome spans."""
    treated = complete.filter(complete[TREATED])
    keys = [_keys(table) for table in (treated, matched)]
    asked = np.subtract.outer(keys[1], np.arange(1, experiment.window + 1))
    was = np.isin(asked, keys[0]).max(axis=1).astype(np.float64)
    compared = ~treated_of(matched)
    return float(np.average(was[compared], weights=matched["weight"].to_numpy()[compared]))


def _error_shift(units: pa.Table, result: Result, experiment: MatchingExperiment) -> float:
    if experiment.error_of is None:
        return float("nan")
    covariate, variance = experiment.error_of
    return shift_by_errors(result, covariate, units[variance.name].to_numpy())


def _keys(units: pa.Table) -> Integers:
    """User and month as one number; months of a user are consecutive."""
    month = units[MONTH].to_numpy(zero_copy_only=False).astype("datetime64[M]").astype(np.int64)
    return np.asarray(units[USER].to_numpy() * (1 << 16) + month)


def _arm(units: pa.Table, experiment: MatchingExperiment, is_treated: bool) -> Arm:
    arm = units.filter(pc.equal(units[TREATED], is_treated))
    with_outcome = with_numbers(arm, (experiment.outcome,))
    complete = with_numbers(with_outcome, experiment.covariates)
    later = float("nan")
    if experiment.treated_later and complete.num_rows:
        later = float(pc.mean(complete["is_treated_later"]).as_py())
    without = arm.num_rows - with_outcome.num_rows, with_outcome.num_rows - complete.num_rows
    return Arm(arm.num_rows, *without, later)


def _part(
    kind: str,
    name: str,
    units: pa.Table,
    experiment: MatchingExperiment,
    outcome: Measure | None = None,
    design: Design | None = None,
) -> Part:
    outcome = outcome or experiment.outcome
    try:
        compared = comparable(units, experiment, outcome, design)
        result = analyse(compared.units, compared.columns, compared.design)
    except CannotMatchError as error:
        return Part(kind, name, None, outcome.name, str(error))
    return Part(kind, name, result.effect, outcome.name, largest_smd=result.largest_smd)


def _other_outcomes(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Refutation | Part]:
    """Effects where there can be none, among the units with such an outcome, matched anew; or why there is none."""
    kinds = {"placebo outcome": experiment.placebo_outcomes, "negative control": experiment.negative_controls}
    for kind, outcomes in kinds.items():
        for outcome in outcomes:
            yield _refuted(kind, outcome.name, units, experiment, outcome)


def _refuted(
    kind: str, name: str, units: pa.Table, experiment: MatchingExperiment, outcome: Measure | None = None
) -> Refutation | Part:
    """What is found where nothing should be, among the units that can be matched; or why nothing can be."""
    outcome = outcome or experiment.outcome
    part = _part(kind, name, with_numbers(units, (outcome, *experiment.covariates)), experiment, outcome)
    return part if part.effect is None else Refutation(kind, name, part.effect)


def _shuffled(units: pa.Table, result: Result, shuffles: int) -> Iterator[Refutation | Part]:
    for seed in range(shuffles):
        try:
            yield shuffled_treatment(units, result, seed)
        except CannotMatchError as error:
            name = f"{result.experiment.treatment} (seed {seed})"
            yield Part("shuffled treatment", name, None, result.experiment.outcome, str(error))


def _also(units: pa.Table, experiment: MatchingExperiment, result: Result) -> Iterator[Part]:
    for outcome in experiment.also:
        if units[outcome.name].null_count:
            yield _part("outcome", outcome.name, with_numbers(units, (outcome,)), experiment, outcome)
        else:
            values = read_sample(units, replace(experiment.columns, outcome=outcome.name)).outcome
            effect = effect_of(result.matched, values)
            yield Part("outcome", outcome.name, effect, outcome.name, largest_smd=result.largest_smd)


def _by_month(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Part]:
    """Each month with a propensity score of its own: the dynamic matched sample (Aral et al. 2009, PNAS 106:21544).

    Without squares, which a month of a small community has not the units for.
    """
    design = replace(experiment.design, squares=False)
    for month in sorted(pc.unique(units[MONTH]).to_pylist()):
        yield _part("month", month, units.filter(pc.equal(units[MONTH], month)), experiment, design=design)


def _other_ways(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Part]:
    for name, design in OTHER_DESIGNS.items():
        yield _part("design", name, units, experiment, design=design)
    if experiment.treated_later:
        once = units.filter(pc.equal(units["is_treated_later"], 0.0))
        yield _part("units", "without those treated in the window too", once, experiment)


def _without_periods(units: pa.Table, result: Result) -> Iterator[Part]:
    """The effect without each period, the matches of the others held fixed."""
    outcome, unknown = result.experiment.outcome, float("nan")
    try:
        left_out = leave_one_stratum_out(result)
    except CannotMatchError as error:
        yield Part("without period", "any", None, outcome, str(error))
        return
    for one in left_out:
        months = units.filter(pa.array(result.matched.stratum == one.stratum))[MONTH]
        name = f"without {pc.min(months).as_py()} to {pc.max(months).as_py()}"
        if np.isnan(one.value):
            yield Part("without period", name, None, outcome, "nobody is left")
        else:
            n = result.effect.n - one.n
            effect = Estimate(one.value, unknown, unknown, unknown, unknown, n, "unknown")
            yield Part("without period", name, effect, outcome)


def _doses(units: pa.Table, experiment: MatchingExperiment) -> Iterator[DoseGroup]:
    if experiment.dose is None:
        return
    dose, edges = experiment.dose, [-np.inf, *experiment.dose.cuts, np.inf]
    kept = tuple(measure for measure in experiment.covariates if measure.name not in dose.leave_out)
    complete = with_numbers(units, (experiment.outcome, dose.measure, *kept))
    values = complete[dose.measure.name].to_numpy()
    group = np.searchsorted(dose.cuts, values, side="right")
    base = int(np.searchsorted(dose.cuts, dose.reference, side="right"))
    again = replace(experiment, covariates=kept)
    for number in range(len(edges) - 1):
        inside = group == number
        name = _between(dose, edges[number], edges[number + 1])
        if number == base:
            part = Part("dose", name, None, experiment.outcome.name, "what the others are compared with")
        else:
            pair = complete.filter(pa.array(inside | (group == base)))
            treated = pa.array(inside[inside | (group == base)])
            at = pair.schema.get_field_index(TREATED)
            part = _part("dose", name, pair.set_column(at, TREATED, treated), again)
        mean = float(values[inside].mean()) if inside.any() else float("nan")
        yield DoseGroup(edges[number], edges[number + 1], mean, int(inside.sum()), part)


def _between(dose: Dose, low: float, high: float) -> str:
    if low == -np.inf:
        return f"{dose.measure.name} below {high:g}"
    return f"{dose.measure.name} from {low:g}" + ("" if high == np.inf else f" to {high:g}")
