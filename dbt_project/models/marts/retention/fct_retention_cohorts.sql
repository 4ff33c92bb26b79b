with last_months as (
    select
        joined_month,
        {{ month_of('last_activity_at') }} as last_month,
        {{ month_of('churn_known_until') }} as last_known_month,
        count(*) as users
    from {{ ref('fct_user_retention') }}
    where joined_month is not null
    group by joined_month, last_month, last_known_month
),

cohorts as (
    select
        joined_month,
        last_known_month,
        cast(sum(users) as bigint) as users_at_risk
    from last_months
    group by joined_month, last_known_month
),

months as (
    select
        joined_month,
        users_at_risk,
        unnest(
            generate_series(cast(joined_month as timestamp), cast(last_known_month as timestamp), interval 1 month)
        ) as event_month
    from cohorts
),

counted as (
    select
        months.joined_month,
        cast(months.event_month as date) as event_month,
        date_diff('month', months.joined_month, cast(months.event_month as date)) as months_since,
        months.users_at_risk,
        cast(coalesce(sum(last_months.users), 0) as bigint) as users_active
    from months
    left join last_months
        on months.joined_month = last_months.joined_month and months.event_month <= last_months.last_month
    group by months.joined_month, months.event_month, months.users_at_risk
)

select
    joined_month,
    months_since,
    event_month,
    users_at_risk,
    users_active,
    users_active / users_at_risk as active_share
from counted
