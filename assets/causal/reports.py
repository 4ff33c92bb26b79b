"""All that a declared experiment gives on user-months: the effect, what speaks against it, and its parts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.causal.analysis import Refutation, Result, analyse, effect_of
from assets.causal.declared import MONTH, TREATED, USER, Dose, MatchingExperiment, Measure
from assets.causal.design import CannotMatchError, Design
from assets.causal.effects import Estimate
from assets.causal.refutation import shuffled_treatment
from assets.causal.sample import Floats, read_sample

FEWEST = 20
"""Units in each arm below which nothing is estimated."""

OTHER_DESIGNS: dict[str, Design] = {
    "one to one on the propensity score, each control once": Design(caliper_sd=0.2),
    "subclasses of the propensity score": Design(method="subclasses", subclasses=5),
}
"""Designs that a result should not hang on."""


@dataclass(frozen=True)
class Arm:
    """One arm before matching.

    Attributes:
        units: User-months that were treated, or compared.
        without_outcome: Those of them that have no outcome.
        without_covariate: Those with an outcome that lack a covariate.
        treated_later: Share of those with an outcome who were treated in the window too; NaN if undeclared.
    """

    units: int
    without_outcome: int
    without_covariate: int
    treated_later: float


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
        parts: Effects by month, on other outcomes, by other designs.
        doses: Dose-response.
    """

    experiment: MatchingExperiment
    arms: dict[str, Arm]
    result: Result | None
    reason: str = ""
    matched: pa.Table | None = None
    parts: tuple[Part, ...] = ()
    doses: tuple[DoseGroup, ...] = ()


def report(units: pa.Table, experiment: MatchingExperiment, *, shuffles: int = 0) -> Report:
    """Match, estimate, try to refute, and take apart.

    Args:
        units: What ``experiment.query(all_doses=True)`` gives.
        experiment: What is asked.
        shuffles: Times that the treatment is shuffled within strata.
    """
    chosen = units.filter(pc.is_valid(units[TREATED]))
    arms = {name: _arm(chosen, experiment, name == "treated") for name in ("treated", "compared")}
    complete = with_numbers(chosen, (experiment.outcome, *experiment.covariates))
    try:
        result = _analysed(complete, experiment, experiment.outcome)
    except CannotMatchError as error:
        return Report(experiment, arms, None, str(error))
    refutations = [*_other_outcomes(complete, experiment)]
    refutations += [shuffled_treatment(complete, result, seed) for seed in range(shuffles)]
    result = replace(result, refutations=tuple(refutations))
    parts = (*_also(complete, experiment, result), *_by_month(complete, experiment), *_other_ways(complete, experiment))
    return Report(experiment, arms, result, "", _matched(complete, result), parts, tuple(_doses(units, experiment)))


def without_linked(found: Report, units: pa.Table, linked: pa.Table) -> Report:
    """The report with an effect beside it that compares with nobody who is linked to a treated user of the month.

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


def _matched(units: pa.Table, result: Result) -> pa.Table:
    used = np.flatnonzero(result.matched.weights > 0)
    chosen = units.select([USER, MONTH, TREATED]).take(pa.array(used))
    return chosen.append_column("weight", pa.array(result.matched.weights[used]))


def _arm(units: pa.Table, experiment: MatchingExperiment, is_treated: bool) -> Arm:
    arm = units.filter(pc.equal(units[TREATED], is_treated))
    with_outcome = with_numbers(arm, (experiment.outcome,))
    complete = with_numbers(with_outcome, experiment.covariates)
    later = float("nan")
    if experiment.treated_later and complete.num_rows:
        later = float(pc.mean(complete["is_treated_later"]).as_py())
    without = arm.num_rows - with_outcome.num_rows, with_outcome.num_rows - complete.num_rows
    return Arm(arm.num_rows, *without, later)


def with_numbers(units: pa.Table, measures: tuple[Measure, ...]) -> pa.Table:
    """Units that have all of these numbers."""
    for measure in measures:
        units = units.filter(pc.is_valid(units[measure.name]))
    return units


def _analysed(
    units: pa.Table, experiment: MatchingExperiment, outcome: Measure, design: Design | None = None
) -> Result:
    treated = pc.sum(units[TREATED]).as_py() or 0
    fewest = min(treated, units.num_rows - treated)
    if fewest < FEWEST:
        raise CannotMatchError(f"the smaller arm has {fewest} user-months with an outcome; it needs {FEWEST}")
    columns = replace(experiment.columns, outcome=outcome.name)
    varying = tuple(name for name in columns.covariates if len(pc.unique(units[name])) > 1)
    return analyse(units, replace(columns, covariates=varying), design or experiment.design)


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
        result = _analysed(units, experiment, outcome, design)
    except CannotMatchError as error:
        return Part(kind, name, None, outcome.name, str(error))
    return Part(kind, name, result.effect, outcome.name, largest_smd=result.largest_smd)


def _other_outcomes(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Refutation]:
    """Effects where there can be none, among the units that have such an outcome, matched anew."""
    kinds = {"placebo outcome": experiment.placebo_outcomes, "negative control": experiment.negative_controls}
    for kind, outcomes in kinds.items():
        for outcome in outcomes:
            part = _part(kind, outcome.name, with_numbers(units, (outcome,)), experiment, outcome)
            if part.effect is not None:
                yield Refutation(kind, outcome.name, part.effect)


def _also(units: pa.Table, experiment: MatchingExperiment, result: Result) -> Iterator[Part]:
    for outcome in experiment.also:
        if units[outcome.name].null_count:
            yield _part("outcome", outcome.name, with_numbers(units, (outcome,)), experiment, outcome)
        else:
            values = read_sample(units, replace(experiment.columns, outcome=outcome.name)).outcome
            effect = effect_of(result.matched, values)
            yield Part("outcome", outcome.name, effect, outcome.name, largest_smd=result.largest_smd)


def _by_month(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Part]:
    """Each month with a propensity score of its own: the dynamic matched sample (Aral et al. 2009, PNAS 106:21544)."""
    for month in sorted(pc.unique(units[MONTH]).to_pylist()):
        yield _part("month", month, units.filter(pc.equal(units[MONTH], month)), experiment)


def _other_ways(units: pa.Table, experiment: MatchingExperiment) -> Iterator[Part]:
    for name, design in OTHER_DESIGNS.items():
        yield _part("design", name, units, experiment, design=design)
    if experiment.treated_later:
        once = units.filter(pc.equal(units["is_treated_later"], 0.0))
        yield _part("units", "without those treated in the window too", once, experiment)


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
        if not inside.any():
            continue
        name = _between(dose, edges[number], edges[number + 1])
        if number == base:
            part = Part("dose", name, None, experiment.outcome.name, "what the others are compared with")
        else:
            pair = complete.filter(pa.array(inside | (group == base)))
            treated = pa.array(inside[inside | (group == base)])
            at = pair.schema.get_field_index(TREATED)
            part = _part("dose", name, pair.set_column(at, TREATED, treated), again)
        yield DoseGroup(edges[number], edges[number + 1], _mean(values[inside]), int(inside.sum()), part)


def _between(dose: Dose, low: float, high: float) -> str:
    if low == -np.inf:
        return f"{dose.measure.name} below {high:g}"
    return f"{dose.measure.name} from {low:g}" + ("" if high == np.inf else f" to {high:g}")


def _mean(values: Floats) -> float:
    return float(values.mean())
