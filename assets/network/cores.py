"""Beauty and recognition by k-core: is beauty spread evenly while recognition sits in small cores?"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.mixing import CORE_PROFILES
from assets.statistics.intervals import fisher_z_interval, mean_with_t_interval

Floats = NDArray[np.float64]

RECOGNITION_OF_USERS = """
    select
        beauty.user_id,
        beauty.beauty,
        beauty.photos,
        -- Without any recognition in the community nobody knows who has none.
        coalesce(
            recognition.favorites_received,
            case when (select count(*) from fct_user_recognition) > 0 then 0 end
        ) as favorites
    from fct_user_beauty as beauty
    left join fct_user_recognition as recognition on beauty.user_id = recognition.user_id
"""


def core_rows(cores: pa.Table, users: pa.Table, month: date | None) -> pa.Table:
    """Rows of ``core_profiles``.

    Args:
        cores: ``user_id`` and ``core`` of every user of a graph.
        users: ``user_id``, ``beauty``, ``photos`` and ``favorites`` of users with scored photos.
        month: Of the graph.
    """
    joined = cores.join(users, "user_id").sort_by("user_id")
    core = joined["core"].to_numpy()
    beauty, favorites, photos = (_numbers(joined, name) for name in ("beauty", "favorites", "photos"))
    known = ~np.isnan(beauty)
    best = beauty >= np.quantile(beauty[known], 0.9) if known.any() else known
    rows = []
    for number in np.unique(core):
        there = core == number
        having = there & known
        rows.append(
            {
                "snapshot_month": month,
                "core": int(number),
                "users": int(there.sum()),
                "users_with_beauty": int(having.sum()),
                **_named("beauty", beauty[having]),
                **_named("favorites", favorites[having & ~np.isnan(favorites)]),
                "favorites_per_photo": _ratio(favorites[having].sum(), photos[having].sum()),
                "share_of_users": float(there.mean()),
                "share_of_favorites": _ratio(favorites[having].sum(), favorites[known].sum()),
                "share_of_beautiful": _ratio(float((best & there).sum()), float(best.sum())),
            }
        )
    return pa.Table.from_pylist(rows, schema=CORE_PROFILES.schema)


def concentration(cores: pa.Table, users: pa.Table) -> dict[str, dict[str, Any]]:
    """Spearman's correlation of core number with beauty and with favorites, each with interval and number of users."""
    from assets.statistics.rank import spearman

    joined = cores.join(users, "user_id", join_type="inner")
    core = joined["core"].to_numpy()
    found = {}
    for name in ("beauty", "favorites"):
        rho = spearman(core, joined[name].to_numpy()) if len(core) > 1 else float("nan")
        interval = fisher_z_interval(rho, len(core), ranks=True)
        found[name] = {"spearman": rho, "lower": interval.lower, "upper": interval.upper, "users": len(core)}
    return found


def core_curves(rows: Sequence[dict[str, Any]], least_users: int = 5) -> dict[str, dict[str, list[float]]]:
    """What the figure of ``core_profiles`` draws: beauty and favorites with intervals, cores of few users left out."""
    shown = [row for row in rows if row["users_with_beauty"] >= least_users]
    return {
        name: {
            "x": [row["core"] for row in shown],
            "y": [row[column] for row in shown],
            "lower": [row[f"{column}_lower"] for row in shown],
            "upper": [row[f"{column}_upper"] for row in shown],
        }
        for name, column in (("mean beauty", "beauty"), ("mean favorites", "favorites"))
    }


def _numbers(table: pa.Table, name: str) -> Floats:
    numbers: Floats = table[name].cast(pa.float64()).to_numpy()
    return numbers


def _named(name: str, values: Floats) -> dict[str, float | None]:
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), mean_with_t_interval(values), strict=True))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 and not np.isnan(part) else None
