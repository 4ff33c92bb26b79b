"""What the pages of the network's tables show, and what must be true of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assets.contracts.lake import Lake
from assets.contracts.network import GRAPH_METRICS, USER_GRAPH_METRICS

_ROUNDING = 1e-9
_CURVES = ("links", "reciprocity", "mean_local_clustering", "gini_of_followers", "mean_distance")


def broken_snapshots(lake: Lake, months: Sequence[str]) -> list[str]:
    """What is wrong with snapshots, one sentence per month; a snapshot without users is wrong."""
    found = []
    for month in months:
        columns = ["followers", "followees", "pagerank", "core", "mutual_links"]
        rows = lake.read(USER_GRAPH_METRICS, [month], columns)
        if not rows.num_rows:
            found.append(f"{month} has no users")
            continue
        followers, followees, ranks, core, mutual = (rows[name].to_numpy() for name in columns)
        links = {row["metric"]: row["value"] for row in newest_metrics(lake, month)}.get("links")
        if not followers.sum() == followees.sum() == links:
            found.append(f"{month}: {followers.sum()} followers, {followees.sum()} followees and {links} links")
        if abs(ranks.sum() - 1) > _ROUNDING:
            found.append(f"{month}: PageRank sums to {ranks.sum()}")
        if (core > followers + followees - mutual).any():
            found.append(f"{month}: a core number is larger than the number of neighbours")
    return found


def degree_counts(lake: Lake, month: str) -> Mapping[str, tuple[list[int], list[float]]]:
    """For followers and followees: numbers from 1 on that occur, and the share of users with at least so many."""
    rows = lake.read(USER_GRAPH_METRICS, [month], ["followers", "followees"])
    found = {}
    for name in ("followers", "followees"):
        values, counts = np.unique(rows[name].to_numpy(), return_counts=True)
        at_least = counts[::-1].cumsum()[::-1] / max(1, rows.num_rows)
        found[name] = (values[values > 0].tolist(), at_least[values > 0].tolist())
    return found


def newest_metrics(lake: Lake, month: str) -> list[dict[str, Any]]:
    """Rows of ``graph_metrics`` of a month without the month, as they are shown."""
    rows = lake.read(GRAPH_METRICS, [month], ["metric", "value", "lower", "upper", "n", "definition"])
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def metric_curves(lake: Lake) -> dict[str, list[float]]:
    """Some metrics over all months there are, in order; a value that is not defined is nan."""
    rows = lake.read(GRAPH_METRICS).to_pylist()
    by_name: dict[str, list[float]] = {name: [] for name in _CURVES}
    for row in sorted(rows, key=lambda row: str(row["snapshot_month"])):
        if row["metric"] in by_name:
            by_name[row["metric"]].append(float("nan") if row["value"] is None else row["value"])
    return by_name
