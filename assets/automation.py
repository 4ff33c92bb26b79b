"""When things run: jobs, the nightly and weekly schedules and the landing sensors. Selections and triggers only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import dagster as dg

from assets.contracts.settings import VACUUM_GRACE, Settings
from assets.landing.watching import landing_fingerprint
from assets.partitions import month_ranges, months
from assets.resources import LakeResource

_JUDGING = dg.AssetSelection.assets("beauty_cross_validation")
_DRIFT = dg.AssetSelection.assets("score_drift")
_PRETRAINING = dg.AssetSelection.assets("object_model")
_EVERYTHING_LANDED = dg.AssetSelection.all() - dg.AssetSelection.assets("landing") - _JUDGING - _DRIFT - _PRETRAINING
_MOST_LANDINGS = 1000
_LEARNING = dg.AssetSelection.assets("training_set", "beauty_model")
_EXPLAINING = dg.AssetSelection.assets("photo_explanations")
_ASKING = dg.AssetSelection.assets("crowd_sample", "crowd_task")
"""The sample must not move under those who rate it: people draw it again with `build_community`."""
_TRYING = dg.AssetSelection.assets("recommender_evaluation", "recommender_rounds")

land_community = dg.define_asset_job(
    "land_community",
    selection=dg.AssetSelection.assets("landing"),
    description="Take in what lies in the landing folder; nothing is published yet.",
)

build_community = dg.define_asset_job(
    "build_community",
    selection=_EVERYTHING_LANDED,
    partitions_def=months,
    description="Publish, learn, score and model the chosen months: the whole platform in one run.",
)

nightly_increment = dg.define_asset_job(
    "nightly_increment",
    selection=(_EVERYTHING_LANDED - _LEARNING - _EXPLAINING - _ASKING - _TRYING) | _DRIFT,
    partitions_def=months,
    description="Publish, score and model some months with the model there is, and score a sample again to see that "
    "nothing drifted; learning, explaining and trying recommenders are decisions of their own.",
)

evaluate_beauty = dg.define_asset_job(
    "evaluate_beauty",
    selection=_JUDGING,
    description="Judge a model against people's ratings, out of fold; needs crowd ratings.",
)

pretrain_objects = dg.define_asset_job(
    "pretrain_objects",
    selection=_PRETRAINING,
    description="Teach a network to name objects, for a beauty network to start from; what it learns from is chosen "
    "in the configuration.",
)


@dg.op
def delete_replaced_files(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Delete data files that were replaced a while ago, and what killed runs left."""
    deleted = lake.open().vacuum(VACUUM_GRACE)
    context.log.info(f"{len(deleted)} files deleted")


@dg.job(
    description=f"Delete data files that were replaced more than {VACUUM_GRACE.days} days ago, and what killed runs "
    "left. Files that the published warehouse still names go too, if no build has succeeded since.",
)
def vacuum_lake() -> None:
    """One step; it may run beside any other job."""
    delete_replaced_files()


JOBS = (land_community, build_community, nightly_increment, evaluate_beauty, pretrain_objects, vacuum_lake)


@dg.schedule(
    job=nightly_increment,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    description="Every night at 02:30 UTC, after uploads of the day have landed: the open month, "
    "and on the first three days of a month also the month before, for what arrived late.",
)
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run per month that is still moving."""
    tonight = context.scheduled_execution_time
    moving = sorted({f"{tonight - timedelta(days=days):%Y-%m}" for days in (0, 3)})
    landed = set(context.instance.get_dynamic_partitions(months.name or ""))
    due = [month for month in moving if month in landed]
    # Dagster takes run requests or one reason to skip, never both.
    if not due:
        yield dg.SkipReason(f"nothing has landed for {' or '.join(moving)}")
    for month in due:
        yield dg.RunRequest(run_key=f"{month}@{tonight:%Y-%m-%d}", partition_key=month)


@dg.sensor(
    job=land_community,
    minimum_interval_seconds=60,
    description="Looks at names, sizes and times of the files in the landing folder, of single images only at the time "
    "of their folder; new or changed files start `land_community` once they have not changed between two looks, so "
    "half-copied files wait.",
)
def landing_folder(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Cursor: fingerprint of the last look, and of the last look that started a run."""
    seen, _, started = (context.cursor or "|").partition("|")
    now = landing_fingerprint(Settings.from_environment().landing)
    if now == started:
        return dg.SkipReason("the landing folder has not changed")
    if now != seen:
        context.update_cursor(f"{now}|{started}")
        return dg.SkipReason("the landing folder is changing; looking again once it is at rest")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=f"{now}|{now}")


@dg.sensor(
    job=nightly_increment,
    minimum_interval_seconds=30,
    description="After something landed: publish, score and model the months that changed, neighbours in one run. "
    "Landings that came while nobody looked are made up for.",
)
def landed_months(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per stretch of neighbouring months that the landings since the last look reported as changed.

    Cursor: storage id of the last landing that was looked at.
    """
    since = dg.AssetRecordsFilter(dg.AssetKey("landing"), after_storage_id=int(context.cursor or 0))
    landings = context.instance.fetch_materializations(since, limit=_MOST_LANDINGS, ascending=True).records
    if not landings:
        return dg.SkipReason("nothing has landed since the last look")
    last = landings[-1].storage_id
    changed = {month for landing in landings for month in changed_months_of(landing.asset_materialization)}
    known = sorted(context.instance.get_dynamic_partitions(months.name or ""))
    requests = [
        dg.RunRequest(
            run_key=f"{last}:{first}..{last_month}",
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last_month},
        )
        for first, last_month in month_ranges(sorted(changed), known)
    ]
    return dg.SensorResult(run_requests=requests, cursor=str(last))


def changed_months_of(materialization: dg.AssetMaterialization | None) -> list[str]:
    """Months that a landing reported as changed; none without one."""
    if materialization is None or "changed_months" not in materialization.metadata:
        return []
    return cast("list[str]", materialization.metadata["changed_months"].value)


weekly_vacuum = dg.ScheduleDefinition(
    name="weekly_vacuum",
    job=vacuum_lake,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    description="Every Sunday at 05:00 UTC, after the nightly run.",
)

SCHEDULES = (nightly, weekly_vacuum)
SENSORS = (landing_folder, landed_months)
