"""Rows of the tables of the matching experiments, and what they say in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from assets.causal.analysis import GAMMAS, Result, rank_differences
from assets.causal.balance import Balance
from assets.causal.declared import TREATED, USER, MatchingExperiment
from assets.causal.effects import Estimate
from assets.causal.reports import Arm, Part, Report
from assets.causal.sample import Floats
from assets.causal.sensitivity import rosenbaum_bounds
from assets.contracts.experiments import FOUND, NOT_CREDIBLE, NOT_FOUND, NOT_POSSIBLE
from assets.statistics.multiplicity import holm
from assets.statistics.undefined import defined

Row = dict[str, Any]
ALPHA = 0.05
_LITTLE = 0.2
"""Share of an effect that errors of scores may make without being mentioned."""
NO_OUTCOME, NO_COVARIATE = "no outcome in the window", "a covariate is unknown"
ALONE = "by an indicator, nobody of the other arm is of their kind"


def experiment_row(report: Report) -> Row:
    """One experiment, not judged yet: its verdict hangs on how many experiments there are."""
    experiment, result = report.experiment, report.result
    row: Row = {
        "experiment": experiment.name,
        "question": experiment.question,
        "objections": "; ".join(one.replace("_", " ") for one in report.objections),
        "outcome": experiment.outcome.words,
        **effect_columns(None if result is None else result.effect),
    }
    return row | _arms(report) | (_no_numbers() if result is None else _numbers(result))


def judged(rows: Sequence[Row]) -> list[Row]:
    """Rows of experiments with p-values adjusted for how many there are (Holm), verdict and finding."""
    found = []
    for row, p_value in zip(rows, adjusted(rows), strict=True):
        verdict = _verdict(row, float(p_value))
        added = {"p_value_adjusted": defined(float(p_value)), "verdict": verdict, "finding": _finding(row, verdict)}
        found.append({**row, **added})
    return found


def adjusted(rows: Sequence[Mapping[str, Any]]) -> Floats:
    """(m,) p-values of rows, adjusted for how many there are (Holm); NaN where there is none."""
    return holm([np.nan if row["p_value"] is None else row["p_value"] for row in rows])


def _verdict(row: Row, adjusted: float) -> str:
    """Whether something was found, and whether that is to be believed."""
    if row["effect"] is None:
        return NOT_POSSIBLE
    if row["objections"]:
        return NOT_CREDIBLE
    return FOUND if adjusted < ALPHA else NOT_FOUND


def _finding(row: Row, verdict: str) -> str:
    """A result in a few sentences."""
    if verdict == NOT_POSSIBLE:
        return f"{row['question']} Nothing can be said: {row['objections']}."
    interval = "" if row["lower"] is None else f" (95 %: {row['lower']:+.3g} to {row['upper']:+.3g})"
    measured = f"{row['outcome']}: {row['effect']:+.3g}{interval}"
    said = {
        FOUND: f"The arms differ in the {measured}.",
        NOT_FOUND: f"No difference is found in the {measured}.",
        NOT_CREDIBLE: f"Not credible: {row['objections']}. What is found in the {measured}.",
    }[verdict]
    shift = row["error_shift"]
    if shift is not None and shift * row["effect"] > 0 and abs(shift) > _LITTLE * abs(row["effect"]):
        said += f" Errors of scores can have made up to {shift:+.2g} of it."
    if verdict == FOUND:
        said += _hidden_trait(row)
    return f"{row['question']} {said}"


def _hidden_trait(row: Row) -> str:
    """How strong a trait that no table shows would have to be, beside the strongest that is seen."""
    if row["gamma"] is None:
        return ""
    said = f" A trait that no table shows could explain it by multiplying the odds of treatment by {row['gamma']:.2f}"
    if row["strongest_odds"] is not None:
        said += f"; {row['strongest_covariate'].replace('_', ' ')} multiplies them by {row['strongest_odds']:.2f}"
    return f"{said}."


def effect_columns(effect: Estimate | None) -> Row:
    """An effect as columns of a table; without one they are null."""
    if effect is None:
        return dict.fromkeys(("effect", "standard_error", "lower", "upper", "p_value")) | {"units": 0}
    return {
        "effect": defined(effect.value),
        "standard_error": defined(effect.standard_error),
        "lower": defined(effect.lower),
        "upper": defined(effect.upper),
        "p_value": defined(effect.p_value),
        "units": effect.n,
    }


def _arms(report: Report) -> Row:
    treated, compared = report.arms["treated"], report.arms["compared"]
    return {
        "treated": treated.units - treated.without_outcome - treated.without_covariate,
        "compared": compared.units - compared.without_outcome - compared.without_covariate,
        "treated_without_outcome": _share_without(treated),
        "compared_without_outcome": _share_without(compared),
        "treated_later": defined(treated.treated_later),
        "compared_later": defined(compared.treated_later),
        "compared_treated_before": defined(report.treated_before),
        "error_shift": defined(report.error_shift),
        "treated_users": _users(report, True),
        "compared_users": _users(report, False),
    }


def _users(report: Report, arm: bool) -> int:
    """Users behind the matched user-months of an arm."""
    if report.matched is None:
        return 0
    return int(pc.count_distinct(report.matched.filter(pc.equal(report.matched[TREATED], arm))[USER]).as_py())


def _share_without(arm: Arm) -> float | None:
    return arm.without_outcome / arm.units if arm.units else None


def _no_numbers() -> Row:
    names = (
        "outcome_spread",
        "naive_effect",
        "naive_lower",
        "naive_upper",
        "effective_treated",
        "effective_compared",
        "treated_outside",
        "outcome_compared",
        "smd_before",
        "smd_after",
        "gamma",
        "gamma_ranked",
        "strongest_covariate",
        "strongest_odds",
        "e_value",
        "e_value_limit",
    )
    return dict.fromkeys(names) | {"matched_treated": 0, "matched_compared": 0}


def _numbers(result: Result) -> Row:
    strongest, odds = strongest_covariate(result)
    e_value = result.sensitivity.e_value
    return {
        "outcome_spread": float(result.matched.sample.outcome.std()),
        "naive_effect": defined(result.naive.value),
        "naive_lower": defined(result.naive.lower),
        "naive_upper": defined(result.naive.upper),
        "matched_treated": result.counts["matched_treated"],
        "matched_compared": result.counts["matched_control"],
        "effective_treated": result.effective_sizes[0],
        "effective_compared": result.effective_sizes[1],
        "treated_outside": None if result.overlap is None else result.overlap.treated_outside,
        "outcome_compared": _outcome_compared(result),
        "smd_before": defined(max(abs(row.before.smd) for row in _covariates(result))),
        "smd_after": defined(result.largest_smd),
        "gamma": defined(result.sensitivity.gamma_star),
        "gamma_ranked": defined(result.sensitivity.gamma_star_ranked),
        "strongest_covariate": strongest,
        "strongest_odds": odds,
        "e_value": defined(e_value.estimate),
        "e_value_limit": defined(e_value.interval),
    }


def _outcome_compared(result: Result) -> float:
    """Mean outcome of the comparison as matched, before any adjustment for bias."""
    sample, weights = result.matched.sample, result.matched.weights
    return float(np.average(sample.outcome[~sample.treated], weights=weights[~sample.treated]))


def _covariates(result: Result) -> Iterator[Balance]:
    return (row for row in result.balance if row.covariate != "distance")


def strongest_covariate(result: Result) -> tuple[str | None, float | None]:
    """The covariate by one standard deviation of which the odds of treatment differ most, given all others.

    What is hidden would have to be as strong as gamma to explain an effect away; this is how strong what is seen is.
    """
    propensity = result.matched.propensity
    if propensity is None:
        return None, None
    spread = dict(
        zip(result.matched.sample.covariates.names, result.matched.sample.covariates.values.std(axis=0), strict=True)
    )
    strengths = {
        name: abs(slope) * spread[name]
        for name, slope in zip(propensity.names, propensity.coefficients, strict=True)
        if name in spread and not np.isnan(slope)
    }
    if not strengths:
        return None, None
    name = max(strengths, key=lambda one: strengths[one])
    return name, float(np.exp(strengths[name]))


def effect_rows(report: Report) -> list[Row]:
    """Parts of an effect, other ways, and where there can be none; p-values adjusted within each kind (Holm)."""
    tried = report.result.refutations if report.result else ()
    parts = [
        *report.parts,
        *(Part(one.kind, one.column, one.effect, _outcome_of(report, one.kind, one.column)) for one in tried),
    ]
    rows = [_part_row(report.experiment, part) for part in parts]
    for kind in dict.fromkeys(part.kind for part in parts):
        family = [row for row in rows if row["kind"] == kind]
        for row, p_value in zip(family, adjusted(family), strict=True):
            row["p_value_adjusted"] = defined(float(p_value))
    return rows


def _outcome_of(report: Report, kind: str, column: str) -> str:
    return report.experiment.outcome.name if kind.endswith("treatment") else column


def _part_row(experiment: MatchingExperiment, part: Part) -> Row:
    return {
        "experiment": experiment.name,
        "kind": part.kind,
        "name": part.name,
        "outcome": part.outcome,
        **effect_columns(part.effect),
        "smd_after": defined(part.largest_smd),
        "reason": part.reason,
    }


def balance_rows(report: Report) -> Iterator[Row]:
    """Covariates before and after matching."""
    meaning = {measure.name: measure.words for measure in report.experiment.covariates}
    for row in report.result.balance if report.result else ():
        sides = {"before": row.before, "after": row.after}
        yield {
            "experiment": report.experiment.name,
            "covariate": row.covariate,
            "meaning": meaning.get(row.covariate, row.covariate.replace("_", " ")),
            **{
                f"{name}_{when}": defined(getattr(side, attribute))
                for when, side in sides.items()
                for name, attribute in (
                    ("mean_treated", "mean_treated"),
                    ("mean_compared", "mean_control"),
                    ("smd", "smd"),
                    ("variance_ratio", "variance_ratio"),
                    ("ks", "ks"),
                )
            },
        }


def dropped_rows(report: Report) -> Iterator[Row]:
    """Who is left out, and why."""
    names = {"treated": "treated", "control": "compared"}
    for arm_name, arm in report.arms.items():
        reasons = {NO_OUTCOME: arm.without_outcome, NO_COVARIATE: arm.without_covariate, ALONE: arm.alone}
        if report.result is not None:
            reasons |= {d.reason: d.count for d in report.result.matched.dropped if names[d.arm] == arm_name}
        for reason, count in reasons.items():
            if count:
                yield {
                    "experiment": report.experiment.name,
                    "arm": arm_name,
                    "reason": reason,
                    "units": count,
                    "share": count / arm.units,
                }


def bound_rows(report: Report) -> Iterator[Row]:
    """Rosenbaum bounds in the direction of the effect."""
    result = report.result
    if result is None or result.matched.pairs is None:
        return
    differences = rank_differences(result.matched)
    sign = -1.0 if result.effect.value < 0 else 1.0
    for bound in rosenbaum_bounds(sign * differences, GAMMAS):
        yield {
            "experiment": report.experiment.name,
            "gamma": bound.gamma,
            "p_upper": defined(bound.p_upper),
            "p_upper_ranked": defined(bound.p_upper_ranked),
            "effect_lower": defined(min(sign * bound.effect_lower, sign * bound.effect_upper)),
            "effect_upper": defined(max(sign * bound.effect_lower, sign * bound.effect_upper)),
        }


def dose_rows(report: Report) -> Iterator[Row]:
    """Dose-response."""
    for number, group in enumerate(report.doses):
        dose = report.experiment.dose
        is_reference = dose is not None and group.low <= dose.reference < group.high
        yield {
            "experiment": report.experiment.name,
            "dose": "" if dose is None else dose.measure.name,
            "range_number": number,
            "low": None if np.isinf(group.low) else group.low,
            "high": None if np.isinf(group.high) else group.high,
            "mean_dose": defined(group.mean_dose),
            "range_units": group.units,
            "is_reference": is_reference,
            **effect_columns(group.part.effect),
            "smd_after": defined(group.part.largest_smd),
            "reason": group.part.reason,
        }
