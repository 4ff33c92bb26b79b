"""Rows of the tables of effects by group, what they say in words and figures, and what must be true of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets.causal.effects import Estimate
from assets.causal.experiment_tables import ALPHA, effect_columns
from assets.causal.heterogeneity import QUARTERS, Calibration, GroupEffect
from assets.statistics.multiplicity import holm
from assets.statistics.undefined import defined

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]
PREDICTED = "predicted"
_QUARTERS = ("1 least", "2", "3", "4 most")


def group_rows(experiment: str, found: Sequence[GroupEffect]) -> Iterator[Row]:
    """Effects by declared group."""
    for one in found:
        yield {
            "experiment": experiment,
            "grouping": one.grouping,
            "group_name": one.group,
            **effect_columns(one.effect),
            "p_value_adjusted": defined(one.p_adjusted),
            "p_value_difference": defined(one.p_difference),
            "smd_after": defined(one.largest_smd),
            "reason": one.reason,
        }


def quarter_rows(experiment: str, calibration: Calibration) -> Iterator[Row]:
    """Average effects in quarters of what a forest predicts of unseen users."""
    for name, effect in zip(_QUARTERS, calibration.quarters, strict=True):
        yield {
            "experiment": experiment,
            "grouping": PREDICTED,
            "group_name": name,
            **effect_columns(effect),
            "p_value_adjusted": None,
            "p_value_difference": defined(calibration.slope.p_value),
            "smd_after": None,
            "reason": "",
        }


def calibration_row(experiment: str, calibration: Calibration | None, reason: str) -> Row:
    """What became of the forest of one experiment."""
    mean: Estimate | None = None if calibration is None else calibration.mean
    slope: Estimate | None = None if calibration is None else calibration.slope
    return {
        "experiment": experiment,
        "has_differences": calibration is not None and calibration.has_differences,
        **_named("slope", slope, "slope"),
        **_named("mean_effect", mean, "mean"),
        "clear_share": None if calibration is None else calibration.clear,
        "units": 0 if mean is None else mean.n,
        "reason": reason,
    }


def _named(name: str, effect: Estimate | None, ends: str) -> Row:
    values = (None,) * 3 if effect is None else tuple(map(defined, (effect.value, effect.lower, effect.upper)))
    return dict(zip((name, f"{ends}_lower", f"{ends}_upper"), values, strict=True))


def said_of_groups(groups: Rows, forests: Rows) -> str:
    """Where groups differ, adjusted for how many groupings and experiments there are (Holm), in words."""
    tests = {
        f"{row['experiment']} by {row['grouping'].replace('_', ' ')}": row["p_value_difference"]
        for row in groups
        if row["grouping"] != PREDICTED and row["p_value_difference"] is not None
    }
    adjusted = holm(list(tests.values()))
    differ = sorted(name for name, p_value in zip(tests, adjusted, strict=True) if p_value < ALPHA)
    found = sorted(row["experiment"] for row in forests if row["has_differences"])
    said = f"Effects differ: {', '.join(differ)}." if differ else "No grouping's effects differ more than by chance."
    forest = f"for {', '.join(found)}" if found else "for no experiment"
    return f"{said} What a forest predicts of single users holds for unseen ones {forest}.".replace("_", " ")


def groups_shown(groups: Rows) -> dict[str, dict[str, dict[str, tuple[float, float | None, float | None]]]]:
    """By experiment: effects by group, one color per grouping."""
    shown: dict[str, dict[str, dict[str, tuple[float, float | None, float | None]]]] = {}
    for row in groups:
        if row["effect"] is not None:
            grouping = row["grouping"].replace("_", " ")
            of_grouping = shown.setdefault(row["experiment"], {}).setdefault(grouping, {})
            label = f"{grouping}: {row['group_name']}"
            of_grouping[label] = (row["effect"], row["lower"], row["upper"])
    return shown


def slopes_shown(forests: Rows) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    """Slopes of what is true on what was predicted."""
    return {
        "slope": {
            row["experiment"].replace("_", " "): (row["slope"], row["slope_lower"], row["slope_upper"])
            for row in forests
            if row["slope"] is not None
        }
    }


def unjudged_forests(forests: Rows, groups: Rows) -> str:
    """Experiments with neither a judged forest and all its quarters, nor a reason."""
    wrong = []
    for row in forests:
        quarters = sum(g["experiment"] == row["experiment"] and g["grouping"] == PREDICTED for g in groups)
        judged = row["slope"] is not None and quarters == QUARTERS
        if judged == bool(row["reason"]) or row["has_differences"] != ((row["slope_lower"] or 0.0) > 0):
            wrong.append(row["experiment"])
    return ", ".join(wrong)
