-- A user silent since the last `churn_days` days began is gone; of all others it is known that they stayed until then,
-- and no more. So those days count for nobody: otherwise users would be at risk of what cannot be seen.
with members as (
    select
        users.user_id,
        users.joined_at,
        least(users.joined_at, activity.first_activity_at) as started_at,
        activity.first_activity_at,
        activity.last_activity_at,
        observation.activity_observed_until as observed_until,
        observation.activity_observed_until - interval {{ var('churn_days') }} day as churn_known_until
    from {{ ref('dim_users') }} as users
    cross join {{ ref('int_community__observation') }} as observation
    left join {{ ref('int_users__activity') }} as activity on users.user_id = activity.user_id
),

judged as (
    select
        *,
        coalesce(last_activity_at, started_at) as left_at,
        coalesce(last_activity_at, started_at) <= churn_known_until as is_churned
    from members
)

select
    user_id,
    joined_at,
    started_at,
    {{ month_of('started_at') }} as joined_month,
    first_activity_at,
    last_activity_at,
    (epoch_us(left_at) - epoch_us(started_at)) / 86400e6 as days_on_platform,
    observed_until,
    churn_known_until,
    is_churned,
    not is_churned as is_censored,
    case
        when is_churned then (epoch_us(left_at) - epoch_us(started_at)) / 86400e6
        -- Who started later was never seen staying or leaving.
        when started_at <= churn_known_until then (epoch_us(churn_known_until) - epoch_us(started_at)) / 86400e6
    end as duration_days
from judged
