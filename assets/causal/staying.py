"""How long the matched arms of an experiment stay: weighted survival curves, with intervals by user."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from assets.causal.declared import MatchingExperiment
from assets.causal.sample import Booleans, Floats, Integers, codes
from assets.statistics.intervals import NORMAL_95

DAYS = tuple(range(0, 361, 30))
"""Days since the month began at which curves are told."""
_GROUPS = 20

STAYING = """
select
    matched.user_id,
    matched.is_treated,
    matched.weight,
    retention.is_churned as has_left,
    greatest(
        0,
        case
            when retention.is_churned then epoch_us(retention.started_at) / 86400e6 + retention.days_on_platform
            else epoch_us(retention.churn_known_until) / 86400e6
        end
        - epoch_us(cast(matched.event_month || '-01' as timestamp)) / 86400e6
    ) as days
from matched
inner join fct_user_retention as retention on matched.user_id = retention.user_id
order by matched.user_id, matched.event_month
"""
"""Days from the beginning of the month to the last sign of life, or to where it is known that the user had not left."""


def survival(days: Floats, has_left: Booleans, weight: Floats, at: Sequence[float]) -> Floats:
    """Share still there after so many days (Kaplan and Meier 1958, JASA 53:457), units counting with their weights.

    Args:
        days: (n,) until leaving, or until nothing more is known.
        has_left: (n,) whether it ended by leaving.
        weight: (n,) weights.
        at: (k,) days.

    Returns:
        (k,) shares; NaN beyond the last day on which anybody is at risk.
    """
    order = np.argsort(days, kind="stable")
    days, has_left, weight = days[order], has_left[order], weight[order]
    at_risk = np.cumsum(weight[::-1])[::-1]
    times, first = np.unique(days, return_index=True)
    left = np.add.reduceat(weight * has_left, first) if len(first) else np.zeros(0)
    staying = np.cumprod(1 - left / at_risk[first])
    place = np.searchsorted(times, at, side="right")
    shares = np.concatenate([[1.0], staying])[place]
    return np.where(np.asarray(at) <= (times[-1] if len(times) else -1.0), shares, np.nan)


def survival_rows(experiment: MatchingExperiment, answer: pa.Table) -> list[dict[str, Any]]:
    """Curves of both arms, with intervals by the jackknife over twenty groups of users.

    Args:
        experiment: Whose arms.
        answer: What ``STAYING`` gives.
    """
    treated = answer["is_treated"].to_numpy(zero_copy_only=False).astype(bool)
    user = codes(answer["user_id"])
    rows: list[dict[str, Any]] = []
    for arm, inside in (("treated", treated), ("compared", ~treated)):
        part = [answer[name].to_numpy(zero_copy_only=False)[inside] for name in ("days", "has_left", "weight")]
        days, has_left, weight = part[0].astype(np.float64), part[1].astype(bool), part[2].astype(np.float64)
        curve = survival(days, has_left, weight, DAYS)
        error = _jackknife(days, has_left, weight, user[inside])
        for position, day in enumerate(DAYS):
            if np.isnan(curve[position]):
                continue
            value, reach = float(curve[position]), NORMAL_95 * float(error[position])
            rows.append(
                {
                    "experiment": experiment.name,
                    "arm": arm,
                    "day": day,
                    "survival": value,
                    "lower": max(0.0, value - reach) if np.isfinite(reach) else None,
                    "upper": min(1.0, value + reach) if np.isfinite(reach) else None,
                    "at_risk": int((days >= day).sum()),
                }
            )
    return rows


def _jackknife(days: Floats, has_left: Booleans, weight: Floats, user: Integers) -> Floats:
    """Standard errors by leaving out one of twenty groups of users at a time (Shao and Wu 1989, Ann. Stat. 17:1176)."""
    group = np.random.default_rng(0).permutation(int(user.max()) + 1)[user] % _GROUPS
    curves = []
    for number in range(_GROUPS):
        kept = group != number
        if not kept.any():
            return np.full(len(DAYS), np.nan)
        curves.append(survival(days[kept], has_left[kept], weight[kept], DAYS))
    found = np.stack(curves)
    return np.asarray(np.sqrt((_GROUPS - 1) / _GROUPS * np.sum((found - found.mean(axis=0)) ** 2, axis=0)))


def rising_curves(rows: Sequence[Mapping[str, Any]]) -> str:
    """Arms whose curve rises, or leaves its interval."""
    wrong = set()
    last: dict[tuple[str, str], float] = {}
    for row in sorted(rows, key=lambda one: (one["experiment"], one["arm"], one["day"])):
        key, share = (row["experiment"], row["arm"]), row["survival"]
        inside = row["lower"] is None or row["lower"] <= share <= row["upper"]
        if share > last.get(key, 1.0) or not inside:
            wrong.add(f"{key[0]} {key[1]}")
        last[key] = share
    return ", ".join(sorted(wrong))
