"""Stand-in for the real code location: its job and partition names, and no work."""

import time
from pathlib import Path

import dagster as dg

months = dg.DynamicPartitionsDefinition(name="months")

FAILING_MONTH = "2016-04"


@dg.asset(partitions_def=months, backfill_policy=dg.BackfillPolicy.single_run())
def scores(context: dg.AssetExecutionContext) -> None:
    """Fails for one month, so that its message can be followed to Airflow; waits where a test asks it to."""
    if FAILING_MONTH in context.partition_keys:
        raise ValueError(f"no photo of {FAILING_MONTH} could be decoded")
    release = context.run.tags.get("stand_in/wait_for_file")
    while release and not Path(release).exists():
        time.sleep(0.1)


nightly_increment = dg.define_asset_job("nightly_increment", selection=[scores], partitions_def=months)

defs = dg.Definitions(assets=[scores], jobs=[nightly_increment], executor=dg.in_process_executor)
