"""What the warehouse and the links say about matched user-months: the months around them, and who is linked to whom."""

import numpy as np
import pyarrow as pa

from assets.causal.declared import MatchingExperiment
from assets.statistics.intervals import NORMAL_95

MONTHS_AROUND = 6

AROUND = {
    "fct_user_months": "select user_id, event_month, beauty, uploads, active_weeks from fct_user_months",
    "fct_user_retention": "select user_id, started_at, days_on_platform, is_churned from fct_user_retention",
}
"""What is read of the months around, for its digest."""


def linked_query(experiment: MatchingExperiment) -> str:
    """SQL for comparison user-months whose user could have been reached by the treatment of others.

    Exposure mapping: a link, either way, that stands in the month, with a user who is treated in the month or in the
    window after it; nobody further away matters (Aronow and Samii 2017, Annals of Applied Statistics 11:1912). Reads
    ``units`` (``user_id``, ``event_month`` as YYYY-MM, ``is_treated``) and ``edges``.

    Args:
        experiment: Whose window.
    """
    return f"""
with dated as (
    select
        user_id,
        event_month,
        is_treated,
        cast(event_month || '-01' as date) as starts
    from units
),

links as (
    select follower_id as one, followee_id as other, created_at, removed_at from edges
    union all
    select followee_id, follower_id, created_at, removed_at from edges
)

select distinct
    compared.user_id,
    compared.event_month
from dated as compared
inner join links on compared.user_id = links.one
inner join dated as treated
    on
        links.other = treated.user_id
        and treated.starts between compared.starts and compared.starts + interval {experiment.window} month
where
    not compared.is_treated
    and treated.is_treated
    and (links.created_at is null or links.created_at < cast(compared.starts + interval 1 month as timestamptz))
    and (links.removed_at is null or links.removed_at > cast(compared.starts as timestamptz))
"""  # noqa: S608


def trajectory_query(experiment: MatchingExperiment) -> str:
    """SQL for the means of matched arms in the months around, by user so that their errors can be had.

    Reads ``matched`` (``user_id``, ``event_month`` as YYYY-MM, ``is_treated``, ``weight``) and ``fct_user_months``.

    Args:
        experiment: One that declares a trajectory.
    """
    if experiment.trajectory is None:
        raise ValueError(f"experiment {experiment.name} declares no trajectory")
    after = min(MONTHS_AROUND, experiment.window)
    return f"""
with seen as (
    select
        matched.user_id,
        matched.is_treated,
        matched.weight,
        date_diff('month', cast(matched.event_month || '-01' as date), months.event_month) as relative_month,
        cast({experiment.trajectory.sql} as double) as number
    from matched
    inner join fct_user_months as months
        on
            matched.user_id = months.user_id
            and months.event_month between cast(matched.event_month || '-01' as date) - interval {MONTHS_AROUND} month
            and cast(matched.event_month || '-01' as date) + interval {after} month
),

weighed as (
    select
        user_id,
        is_treated,
        relative_month,
        sum(weight) as weight,
        sum(weight * number) as total
    from seen
    where number is not null
    group by user_id, is_treated, relative_month
),

means as (
    select
        is_treated,
        relative_month,
        sum(weight) as weight,
        sum(total) / sum(weight) as mean
    from weighed
    group by is_treated, relative_month
)

select
    means.is_treated,
    cast(means.relative_month as integer) as relative_month,
    any_value(means.mean) as mean,
    count(*) as users,
    sqrt(sum(((weighed.total - weighed.weight * means.mean) / means.weight) ** 2)) as standard_error
from weighed
inner join means on weighed.is_treated = means.is_treated and weighed.relative_month = means.relative_month
group by means.is_treated, means.relative_month
order by means.is_treated, means.relative_month
"""  # noqa: S608


def trajectory_rows(experiment: MatchingExperiment, answer: pa.Table) -> list[dict[str, object]]:
    """Rows of a trajectory from the answer of its query; an arm of one user has no interval."""
    rows = []
    for row in answer.to_pylist():
        reach = NORMAL_95 * row["standard_error"] if row["users"] > 1 else np.nan
        ends = (None, None) if np.isnan(reach) else (row["mean"] - reach, row["mean"] + reach)
        rows.append(
            {
                "experiment": experiment.name,
                "arm": "treated" if row["is_treated"] else "compared",
                "relative_month": row["relative_month"],
                "measure": experiment.trajectory.words if experiment.trajectory else "",
                "mean": row["mean"],
                "lower": ends[0],
                "upper": ends[1],
                "users": row["users"],
            }
        )
    return rows
