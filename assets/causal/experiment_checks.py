"""What must be true of the tables of the matching experiments; every function says what is wrong, or nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from assets.causal.balance import TARGET_SMD
from assets.causal.experiment_tables import ALPHA, adjusted
from assets.causal.reports import MOST_ATTRITION_APART, can_be_errors
from assets.contracts.experiments import NOT_CREDIBLE, NOT_POSSIBLE

Rows = Sequence[Mapping[str, Any]]
_PLACEBO, _SHUFFLED = "placebo outcome", "shuffled treatment"
WHERE_NOTHING_IS = (_PLACEBO, "negative control", "placebo treatment", _SHUFFLED)
_ROUNDING = 1e-9


def wrong_verdicts(experiments: Rows, effects: Rows) -> str:
    """Experiments that do not count as not credible although balance, attrition or placebos say so, or the reverse."""
    found = []
    for row in experiments:
        if row["verdict"] == NOT_POSSIBLE:
            continue
        placebos = [e for e in effects if e["experiment"] == row["experiment"] and e["kind"] in WHERE_NOTHING_IS]
        families = [[e for e in placebos if (e["kind"] == _SHUFFLED) == shuffled] for shuffled in (False, True)]
        refuted = any(bool((adjusted(family) < ALPHA).any()) for family in families)
        untried = not any(e["kind"] == _PLACEBO and e["effect"] is not None for e in placebos)
        apart = abs(row["treated_without_outcome"] - row["compared_without_outcome"]) > MOST_ATTRITION_APART
        unbalanced = row["smd_after"] is None or row["smd_after"] > TARGET_SMD or row["standard_error"] is None
        interval = [row[name] for name in ("lower", "upper", "error_shift")]
        noisy = None not in interval and can_be_errors(*interval)
        if (unbalanced or refuted or untried or apart or noisy) != (row["verdict"] == NOT_CREDIBLE):
            found.append(f"{row['experiment']} is called {row['verdict']}")
    return ", ".join(found)


def not_credible(experiments: Rows) -> str:
    """Experiments that are not credible, with the reasons."""
    return "; ".join(
        f"{row['experiment']}: {row['objections']}"
        for row in experiments
        if row["verdict"] in (NOT_CREDIBLE, NOT_POSSIBLE)
    )


def misplaced_effects(rows: Rows, *named: str) -> str:
    """Effects outside their intervals, or without a reason why there is none.

    Args:
        rows: With experiment, effect, interval and reason.
        named: Columns that tell the rows of an experiment apart.
    """
    wrong = [
        " ".join(row[name] for name in ("experiment", *named))
        for row in rows
        if (row["effect"] is None) != bool(row["reason"])
        or (row["lower"] is not None and not row["lower"] <= row["effect"] <= row["upper"])
    ]
    return ", ".join(wrong)


def uneven_balance(rows: Rows, experiments: Rows) -> str:
    """Experiments whose table of balance has not the largest difference that they report."""
    largest: dict[str, float] = defaultdict(float)
    for row in rows:
        if row["covariate"] != "distance" and row["smd_after"] is not None:
            largest[row["experiment"]] = max(largest[row["experiment"]], abs(row["smd_after"]))
    wrong = [
        row["experiment"]
        for row in experiments
        if row["smd_after"] is not None
        and abs(largest.get(row["experiment"], float("inf")) - row["smd_after"]) > _ROUNDING
    ]
    return ", ".join(wrong)


def lost_units(dropped: Rows, experiments: Rows) -> str:
    """Experiments whose treated user-months are not either matched or left out for a reason."""
    wrong = []
    for row in experiments:
        if row["verdict"] == NOT_POSSIBLE:
            continue
        out = [d for d in dropped if d["experiment"] == row["experiment"] and d["arm"] == "treated"]
        before = sum(d["units"] for d in out if d["reason"].startswith(("no outcome", "a covariate")))
        unmatched = sum(d["units"] for d in out) - before
        if unmatched + row["matched_treated"] != row["treated"]:
            wrong.append(
                f"{row['experiment']}: {row['treated']} treated, {row['matched_treated']} matched, {unmatched} not"
            )
    return ", ".join(wrong)


def narrowing_bounds(rows: Rows) -> str:
    """Experiments whose bounds get narrower as gamma grows."""
    wrong = set()
    by_experiment: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_experiment[row["experiment"]].append(row)
    for name, bounds in by_experiment.items():
        ordered = sorted(bounds, key=lambda row: float(row["gamma"]))
        for less, more in pairwise(ordered):
            narrower = more["effect_lower"] > less["effect_lower"] + _ROUNDING
            narrower |= more["effect_upper"] < less["effect_upper"] - _ROUNDING
            if narrower or more["p_upper"] < less["p_upper"] - _ROUNDING:
                wrong.add(name)
    return ", ".join(sorted(wrong))


def apart_before(rows: Rows) -> str:
    """Experiments whose arms lie apart in the three months before the treatment: intervals of both do not meet."""
    arms = {(row["experiment"], row["relative_month"], row["arm"]): row for row in rows}
    wrong = set()
    for (name, month, arm), row in arms.items():
        other = arms.get((name, month, "compared"))
        if arm != "treated" or not -3 <= month < 0 or other is None or None in (row["lower"], other["lower"]):
            continue
        if row["lower"] > other["upper"] or row["upper"] < other["lower"]:
            wrong.add(f"{name} in month {month}")
    return ", ".join(sorted(wrong))


def without_reference(rows: Rows) -> str:
    """Experiments whose doses do not have exactly one range that the others are compared with."""
    references: dict[str, int] = defaultdict(int)
    for row in rows:
        references[row["experiment"]] += bool(row["is_reference"])
    return ", ".join(f"{name} has {count}" for name, count in sorted(references.items()) if count != 1)
