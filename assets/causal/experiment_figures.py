"""What the figures of the matching experiments show, from the rows of their tables."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from assets.causal.balance import TARGET_SMD
from assets.causal.experiment_checks import WHERE_NOTHING_IS

Rows = Sequence[Mapping[str, Any]]
Interval = tuple[float, float | None, float | None]
Curve = dict[str, list[float | None]]
_WAYS = ("outcome", "design", "units", "without period", *WHERE_NOTHING_IS)


def effects_shown(experiments: Rows) -> dict[str, dict[str, Interval]]:
    """Matched and naive effects in standard deviations of the outcome, labelled with the verdict."""
    shown: dict[str, dict[str, Interval]] = {"matched": {}, "unmatched": {}}
    for row in experiments:
        spread = row["outcome_spread"]
        if not spread or row["effect"] is None:
            continue
        label = f"{row['experiment'].replace('_', ' ')}\n({row['verdict']})"
        shown["matched"][label] = _scaled(row, ("effect", "lower", "upper"), spread)
        shown["unmatched"][label] = _scaled(row, ("naive_effect", "naive_lower", "naive_upper"), spread)
    return shown


def _scaled(row: Mapping[str, Any], names: tuple[str, str, str], spread: float) -> Interval:
    value, lower, upper = (None if row[name] is None else row[name] / spread for name in names)
    return (0.0 if value is None else value), lower, upper


def ways_shown(experiments: Rows, effects: Rows) -> dict[str, dict[str, dict[str, Interval]]]:
    """By experiment: the effect, the same by other ways, and placebos; in units of the outcome."""
    found = {}
    for row in experiments:
        if row["effect"] is None:
            continue
        ways = {"effect": {"as published": (row["effect"], row["lower"], row["upper"])}}
        for kind in _WAYS:
            ways[kind] = {
                one["name"].replace("_", " "): (one["effect"], one["lower"], one["upper"])
                for one in effects
                if one["experiment"] == row["experiment"] and one["kind"] == kind and one["effect"] is not None
            }
        found[row["experiment"]] = {kind: shown for kind, shown in ways.items() if shown}
    return found


def balance_shown(balance: Rows) -> dict[str, dict[str, dict[str, Interval]]]:
    """By experiment: absolute differences of all covariates before and after matching, the largest first."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in balance:
        if row["smd_before"] is not None and row["smd_after"] is not None:
            found[row["experiment"]].append(row)
    shown: dict[str, dict[str, dict[str, Interval]]] = {}
    for name, rows in found.items():
        ordered = sorted(rows, key=lambda row: -abs(row["smd_before"]))
        shown[name] = {
            when: {row["covariate"].replace("_", " "): (abs(row[f"smd_{when}"]), None, None) for row in ordered}
            for when in ("after", "before")
        }
    return shown


def dropped_shown(rows: Rows) -> dict[str, dict[str, Interval]]:
    """By arm: the share that each experiment leaves out, by reason."""
    shown: dict[str, dict[str, Interval]] = {}
    for row in rows:
        if row["share"] is not None:
            label = f"{row['experiment'].replace('_', ' ')}: {row['reason']}"
            shown.setdefault(row["arm"], {})[label] = (row["share"], None, None)
    return shown


def bounds_shown(rows: Rows) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """Largest p-value against gamma, one line per experiment."""
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for row in sorted(rows, key=lambda one: one["gamma"]):
        if row["p_upper"] is not None:
            x, y = lines.setdefault(row["experiment"], ([], []))
            x.append(row["gamma"])
            y.append(row["p_upper"])
    return {"largest p-value": lines}


def trajectories_shown(rows: Rows) -> dict[str, dict[str, Curve]]:
    """By experiment: both arms by month."""
    found: dict[str, dict[str, Curve]] = {}
    for row in sorted(rows, key=lambda one: one["relative_month"]):
        panel = found.setdefault(f"{row['experiment'].replace('_', ' ')}\n{row['measure']}", {})
        curve = panel.setdefault(row["arm"], {"x": [], "y": [], "lower": [], "upper": []})
        for key, name in (("x", "relative_month"), ("y", "mean"), ("lower", "lower"), ("upper", "upper")):
            curve[key].append(row[name])
    return found


def staying_shown(rows: Rows) -> dict[str, dict[str, Curve]]:
    """By experiment: curves of both arms."""
    found: dict[str, dict[str, Curve]] = {}
    for row in sorted(rows, key=lambda one: one["day"]):
        nothing: Curve = {"x": [], "y": [], "lower": [], "upper": []}
        curve = found.setdefault(row["experiment"], {}).setdefault(row["arm"], nothing)
        for key, name in (("x", "day"), ("y", "survival"), ("lower", "lower"), ("upper", "upper")):
            curve[key].append(row[name])
    return found


def doses_shown(rows: Rows) -> dict[str, tuple[str, Curve]]:
    """By experiment: the dose in words, and effect by mean dose, zero at the reference; balanced ranges only."""
    found: dict[str, tuple[str, Curve]] = {}
    ranges = Counter(row["experiment"] for row in rows)
    for row in sorted(rows, key=lambda one: one["range_number"]):
        unbalanced = row["smd_after"] is not None and row["smd_after"] > TARGET_SMD
        if (row["effect"] is None or unbalanced) and not row["is_reference"]:
            continue
        nothing: Curve = {"x": [], "y": [], "lower": [], "upper": []}
        _, curve = found.setdefault(row["experiment"], (row["dose"].replace("_", " "), nothing))
        curve["x"].append(row["mean_dose"])
        for key, name in (("y", "effect"), ("lower", "lower"), ("upper", "upper")):
            curve[key].append(0.0 if row["is_reference"] else row[name])
    return {name: (_said_of_dose(dose, len(curve["x"]), ranges[name]), curve) for name, (dose, curve) in found.items()}


def _said_of_dose(dose: str, shown: int, ranges: int) -> str:
    left_out = ranges - shown
    return f"{dose} ({left_out} of {ranges} ranges are not balanced, and not shown)" if left_out else dose
