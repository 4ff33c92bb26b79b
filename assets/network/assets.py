"""Network: the follow graph at the end of each month, and where each user stands in it.

Which links a snapshot holds is in ``snapshots.py``, what is measured of users in ``positions.py`` and of the graph in
``structure.py``. This file says only which tables there are and how some months of them are made.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.contracts.lake import Lake
from assets.contracts.network import GRAPH_METRICS, USER_GRAPH_METRICS
from assets.contracts.provenance import code_version_of
from assets.contracts.wording import counted
from assets.figures import curves_figure, tail_figure
from assets.metadata import (
    markdown_table,
    not_made,
    picture,
    table_spec,
    tell_partition_rows,
)
from assets.network.snapshots import SnapshotConfig, measure_snapshots, snapshot_months, withdraw_users
from assets.network.summaries import broken_snapshots, degree_counts, metric_curves, newest_metrics
from assets.partitions import months, one_run
from assets.resources import LakeResource

_CODE = code_version_of(
    "assets.network.assortativity",
    "assets.network.links",
    "assets.network.positions",
    "assets.network.snapshots",
    "assets.network.structure",
    "assets.statistics",
)
_CONSISTENT = "snapshots_add_up"
_LINKED = "graph_has_links"

Events = Iterator[dg.MaterializeResult]


class GraphSnapshotConfig(dg.Config):
    """How graphs are measured; the same values give the same numbers."""

    distance_sources: int = Field(
        default=SnapshotConfig.distance_sources, ge=1, description="Users from whom distances are measured."
    )
    seed: int = Field(default=SnapshotConfig.seed, description="Seed of their sample.")


@dg.multi_asset(
    name="graph_snapshots",
    specs=[
        table_spec(contract, "network", ["users", "edges"], {"parquet", "networkit"}, _CODE)
        for contract in (USER_GRAPH_METRICS, GRAPH_METRICS)
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CONSISTENT,
            asset=USER_GRAPH_METRICS.key,
            description="In every month of the run followers, followees and links are the same number, PageRank sums "
            "to 1, and nobody's core is larger than the number of neighbours.",
        ),
        dg.AssetCheckSpec(
            _LINKED, asset=GRAPH_METRICS.key, description="The newest graph of the run has links between users."
        ),
    ],
    partitions_def=months,
    backfill_policy=one_run,
)
def graph_snapshots(context: dg.AssetExecutionContext, config: GraphSnapshotConfig, lake: LakeResource) -> Events:
    """Measure the graph at the end of each month of the run, and of others whose past has changed."""
    store, asked = lake.open(), list(context.partition_keys)
    left = withdraw_users(store)
    context.log.info(f"users who are published no longer leave {', '.join(left) or 'nothing'}")
    measured = measure_snapshots(store, asked, SnapshotConfig(**config.model_dump()), _CODE)
    wanted = sorted({*snapshot_months(store, asked), *measured})
    if not wanted:
        reason = "there are no links between users in these months"
        yield not_made(USER_GRAPH_METRICS.key, reason, _CONSISTENT)
        yield not_made(GRAPH_METRICS.key, reason, _LINKED)
        return
    context.log.info(f"{counted(len(measured), 'month')} measured, {len(wanted) - len(measured)} unchanged")
    for contract in (USER_GRAPH_METRICS, GRAPH_METRICS):
        tell_partition_rows(context, contract.key, store.commits(contract.key, asked), asked)
    yield _users_result(store, wanted)
    yield _graph_result(store, wanted)


def _users_result(store: Lake, wanted: list[str]) -> dg.MaterializeResult:
    newest = wanted[-1]
    broken = broken_snapshots(store, wanted)
    return dg.MaterializeResult(
        asset_key=USER_GRAPH_METRICS.key,
        metadata={
            "dagster/row_count": sum(commit.rows for commit in store.commits(USER_GRAPH_METRICS.key)),
            "degrees": picture(
                tail_figure(degree_counts(store, newest), f"Links of users, {newest}", "links", "share with at least")
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                asset_key=USER_GRAPH_METRICS.key,
                check_name=_CONSISTENT,
                passed=not broken,
                description="; ".join(broken) or f"true in {counted(len(wanted), 'month')}",
                metadata={"months_checked": len(wanted)},
            )
        ],
    )


def _graph_result(store: Lake, wanted: list[str]) -> dg.MaterializeResult:
    newest = newest_metrics(store, wanted[-1])
    links = int(next((row["value"] for row in newest if row["metric"] == "links"), 0) or 0)
    return dg.MaterializeResult(
        asset_key=GRAPH_METRICS.key,
        metadata={
            "dagster/row_count": sum(commit.rows for commit in store.commits(GRAPH_METRICS.key)),
            "newest": markdown_table(newest),
            "over_time": picture(curves_figure(metric_curves(store), "The follow graph by month", "month")),
        },
        check_results=[
            dg.AssetCheckResult(
                asset_key=GRAPH_METRICS.key,
                check_name=_LINKED,
                passed=links > 0,
                description=f"{counted(links, 'link')} at the end of {wanted[-1]}",
                metadata={"links": links},
            )
        ],
    )


ASSETS = [graph_snapshots]
