"""What goes with what over users: Spearman's matrix of beauty, recognition, links and activity."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.users_results import USER_CORRELATIONS
from assets.statistics.intervals import fisher_z_interval
from assets.statistics.rank import spearman
from assets.statistics.undefined import defined
from assets.users.measures import numbers

Rows = Sequence[Mapping[str, Any]]

MEASURES = ("beauty", "photos", "favorites_received", "followers", "followees", "groups", "active_weeks")
PAIRS = tuple(combinations(MEASURES, 2))


def correlation_rows(users: pa.Table) -> pa.Table:
    """Rows of ``user_correlations``.

    Args:
        users: One row per user with the columns of ``MEASURES``; null where unknown.
    """
    values = {name: numbers(users, name) for name in MEASURES}
    rows = []
    for one, other in PAIRS:
        both = ~(np.isnan(values[one]) | np.isnan(values[other]))
        rho = spearman(values[one][both], values[other][both])
        # The last digit of a sum of squares may carry a perfect correlation past 1.
        interval = fisher_z_interval(float(np.clip(rho, -1, 1)), int(both.sum()), ranks=True)
        numbered = {name: defined(getattr(interval, name)) for name in ("value", "lower", "upper")}
        rows.append({"measure": one, "other_measure": other, **numbered, "users": interval.n})
    return pa.Table.from_pylist(rows, schema=USER_CORRELATIONS.schema)


def broken_correlations(rows: Rows) -> list[str]:
    """Pairs whose interval misses the correlation or leaves [-1, 1], or lacks; all pairs where none has one."""
    broken = [
        f"{row['measure']} and {row['other_measure']}"
        for row in rows
        if _lacks_interval(row)
        or (row["lower"] is not None and not -1 <= row["lower"] <= row["value"] <= row["upper"] <= 1)
    ]
    return broken if any(row["value"] is not None for row in rows) else ["every pair of measures"]


def _lacks_interval(row: Mapping[str, Any]) -> bool:
    return row["value"] is not None and row["lower"] is None and row["users"] > 3


def miscounted_pairs(rows: Rows, users: pa.Table) -> list[str]:
    """Pairs that are not there exactly once over the users who have both; all pairs where there are no rows."""
    has = {name: ~np.isnan(numbers(users, name)) for name in MEASURES}
    counts: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        counts.setdefault((row["measure"], row["other_measure"]), []).append(row["users"])
    return [
        f"{one} and {other}" for one, other in PAIRS if counts.get((one, other)) != [int((has[one] & has[other]).sum())]
    ]


def constant_measures(rows: Rows) -> list[str]:
    """Measures that go with none because they do not vary, or nobody has them."""
    defined = {row[side] for row in rows if row["value"] is not None for side in ("measure", "other_measure")}
    return [name for name in MEASURES if name not in defined]


def matrix(rows: Rows) -> tuple[list[str], list[list[float | None]], list[list[bool]]]:
    """What the heat map draws: names, correlations below the diagonal, and which of them have an interval beyond 0."""
    names = [name.replace("_", " ") for name in MEASURES]
    size = len(names)
    values: list[list[float | None]] = [[None] * size for _ in names]
    clear = [[False] * size for _ in names]
    for row in rows:
        column, line = MEASURES.index(row["measure"]), MEASURES.index(row["other_measure"])
        values[line][column] = row["value"]
        clear[line][column] = row["lower"] is not None and not row["lower"] <= 0 <= row["upper"]
    return names, values, clear


def said_of_correlations(rows: Rows) -> str:
    """How beauty goes with recognition, links and activity, in a sentence."""
    parts = [
        f"{row['other_measure'].replace('_', ' ')} {row['value']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"
        for row in rows
        if row["measure"] == "beauty" and row["lower"] is not None
    ]
    return "Spearman's correlation of beauty with " + ", ".join(parts) if parts else "nobody has beauty that varies"
