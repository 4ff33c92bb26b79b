"""The one list of what Dagster loads. Tests pass replacements by name; nothing is patched."""

from typing import Any

import dagster as dg

from assets import automation
from assets.beauty import assets as beauty
from assets.community import assets as community
from assets.crowd import assets as crowd
from assets.crowd import judgement_assets as judgement
from assets.dbt import assets as dbt
from assets.landing import assets as landing
from assets.resources import LakeResource, RayJobs


def build_defs(**resources: Any) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors.

    Args:
        **resources: Replacements of resources by name, for example ``lake=LakeResource(uri=...)``.
    """
    return dg.Definitions(
        assets=[*landing.ASSETS, *community.ASSETS, *beauty.ASSETS, *crowd.ASSETS, *judgement.ASSETS, *dbt.ASSETS],
        jobs=list(automation.JOBS),
        schedules=list(automation.SCHEDULES),
        sensors=list(automation.SENSORS),
        resources={"lake": LakeResource(), "ray_jobs": RayJobs(), **dbt.resources(), **resources},
        # One process per run: steps are short and heavy to start; runs are already processes of their own.
        executor=dg.in_process_executor,
    )


defs = build_defs()
