"""Landing: what arrived, taken in as typed months, with rejected rows in quarantine.

Formats and their errors live in ``importers/``; simulated communities in ``simulator/``. Nothing that
lands is published: ``community`` audits it first.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.contracts.lake import Lake
from assets.contracts.wording import counted
from assets.figures import months_figure
from assets.landing.intake import LandingState, forget_snapshots, take_in
from assets.metadata import OWNERS, markdown_table, picture
from assets.partitions import register_months
from assets.resources import LakeResource


@dg.asset(
    key="landing",
    group_name="landing",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    # Two runs at once would both call the same months new, and add them to the partition set twice.
    pool="landing",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL),
    check_specs=[
        dg.AssetCheckSpec(
            "something_has_landed", asset="landing", description="At least one row of one table has landed."
        ),
        dg.AssetCheckSpec(
            "few_rows_are_rejected",
            asset="landing",
            description="At most one landed row in twenty is in quarantine; more means a wrong file or a wrong format.",
        ),
    ],
)
def landing(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Everything that lies in the landing folder, by source, table and month, plus a quarantine.

    A run takes in the sources whose files changed and replaces their months whole; sources that were
    brought in with `beautyflow import` are kept. Excluded: nothing; rows that no table accepts are in
    `quarantine` with their reason. A source that cannot be read at all keeps no other one out: what else
    landed is recorded, its months can be made, and the run fails with every source that is to be corrected.
    """
    store, last = lake.open(), _last_snapshot(context.instance)
    intake = take_in(store, Path(lake.landing_folder()), since=last)
    added = register_months(context.instance, intake.months)
    forget_snapshots(store, last, intake.snapshot)
    metadata = {**_metadata(intake, store), "new_months": added, "snapshot": intake.snapshot}
    if intake.failure:
        context.log_event(dg.AssetMaterialization("landing", metadata=metadata))
        # Reading the same files again would fail again.
        raise dg.Failure(intake.failure, allow_retries=False)
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name="something_has_landed",
                passed=intake.landed > 0,
                description=_landed(intake),
                metadata={"rows": intake.landed},
            ),
            dg.AssetCheckResult(
                check_name="few_rows_are_rejected",
                passed=intake.landed > 0 and intake.rejected <= intake.landed / 19,
                severity=dg.AssetCheckSeverity.WARN,
                description=_rejected(intake),
                metadata={"landed": intake.landed, "rejected": intake.rejected},
            ),
        ],
    )


def _landed(intake: LandingState) -> str:
    if intake.landed:
        return f"{counted(intake.landed, 'row')} landed."
    return "No row of any table has landed; put a community into the landing folder, or import one."


def _rejected(intake: LandingState) -> str:
    together = intake.landed + intake.rejected
    if not together:
        return "There is no row at all."
    told = f"{intake.rejected:,} of {counted(together, 'row')} ({intake.rejected / together:.1%}) are in quarantine"
    if not intake.rejected:
        return f"{told}."
    worst = max(intake.rejections, key=lambda line: line["rows"])
    most = f"{worst['rows']:,} for {worst['reason']} in {worst['table']} of {worst['source']}"
    return f"{told}, most of them {most}; `beautyflow rejected` shows why."


def _last_snapshot(instance: dg.DagsterInstance) -> str:
    """What the last recorded intake found; empty if there was none."""
    event = instance.get_latest_materialization_event(dg.AssetKey("landing"))
    recorded = event.asset_materialization if event else None
    return str(recorded.metadata["snapshot"].value) if recorded and "snapshot" in recorded.metadata else ""


def _metadata(intake: LandingState, lake: Lake) -> dict[str, Any]:
    return {
        "dagster/row_count": intake.landed,
        "rejected_rows": intake.rejected,
        "changed_months": intake.changed_months,
        "sources": markdown_table(intake.rows_by_source),
        "rejections": markdown_table(intake.rejections),
        "photos_by_month": picture(
            months_figure(intake.rows_by_month("photos", lake), "Landed photos by month of upload", "photos")
        ),
    }


ASSETS = [landing]
