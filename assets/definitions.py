"""The one list of what Dagster loads. Tests pass replacements by name; nothing is patched."""

import gc
from typing import Any

import dagster as dg
import dagster_dbt  # noqa: F401 (see below)

# Half a million objects of the frameworks stay for good: collections while ours are loaded need not look through them.
gc.freeze()

from assets import automation
from assets.beauty import assets as beauty
from assets.causal import assets as causal
from assets.causal import group_assets as heterogeneity
from assets.community import assets as community
from assets.crowd import assets as crowd
from assets.crowd import judgement_assets as judgement
from assets.dbt import assets as dbt
from assets.landing import assets as landing
from assets.network import assets as network
from assets.network import degree_assets as degrees
from assets.network import mixing_assets as mixing
from assets.network import pair_gap_assets as pair_gaps
from assets.recommender import assets as recommender
from assets.recommender import trial_assets as recommender_trials
from assets.resources import LakeResource, RayJobs, WarehouseResource
from assets.users import assets as users
from assets.users import class_assets as user_classes


def build_defs(**resources: Any) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors.

    Args:
        **resources: Replacements of resources by name, for example ``lake=LakeResource(uri=...)``.
    """
    return dg.Definitions(
        assets=[
            *landing.ASSETS,
            *community.ASSETS,
            *beauty.ASSETS,
            *crowd.ASSETS,
            *judgement.ASSETS,
            *network.ASSETS,
            *degrees.ASSETS,
            *mixing.ASSETS,
            *pair_gaps.ASSETS,
            *users.ASSETS,
            *user_classes.ASSETS,
            *causal.ASSETS,
            *heterogeneity.ASSETS,
            *recommender.ASSETS,
            *recommender_trials.ASSETS,
            *dbt.ASSETS,
        ],
        jobs=list(automation.JOBS),
        schedules=list(automation.SCHEDULES),
        sensors=list(automation.SENSORS),
        resources={
            "lake": LakeResource(),
            "published": WarehouseResource(),
            "ray_jobs": RayJobs(),
            **dbt.resources(),
            **resources,
        },
        # One process per run: steps are short and heavy to start; runs are already processes of their own.
        executor=dg.in_process_executor,
    )


defs = build_defs()

# Ours stay as well, so the collection that ends the process, a second of its own, has nothing to look through either.
# Garbage in cycles that is there at this moment stays too: some megabytes, once.
gc.freeze()
