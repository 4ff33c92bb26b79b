"""Stand-in for the real code location: its job and partition names, and no work."""

import time
from pathlib import Path

import dagster as dg

months = dg.DynamicPartitionsDefinition(name="months")

FAILING_MONTH = "2016-04"


CHANGED_MONTHS = ["2016-02"]


@dg.asset
def landing() -> dg.MaterializeResult:
    """Says that an older month has changed, as late rows do."""
    return dg.MaterializeResult(metadata={"changed_months": CHANGED_MONTHS})


@dg.asset(partitions_def=months, backfill_policy=dg.BackfillPolicy.single_run())
def scores(context: dg.AssetExecutionContext) -> None:
    """Fails for one month, so that its message can be followed to Airflow; waits where a test asks it to."""
    if FAILING_MONTH in context.partition_keys:
        raise ValueError(f"no photo of {FAILING_MONTH} could be decoded")
    release = context.run.tags.get("stand_in/wait_for_file")
    while release and not Path(release).exists():
        time.sleep(0.1)


land_community = dg.define_asset_job("land_community", selection=[landing])
nightly_increment = dg.define_asset_job("nightly_increment", selection=[scores], partitions_def=months)

defs = dg.Definitions(
    assets=[landing, scores], jobs=[land_community, nightly_increment], executor=dg.in_process_executor
)
