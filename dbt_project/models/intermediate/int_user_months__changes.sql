{{ config(materialized='view') }}

-- Photos deleted in the month of their upload were never there at the end of a month, as in fct_user_beauty_monthly.
with photos as (
    select
        monthly.user_id,
        monthly.uploaded_month,
        monthly.deleted_month,
        monthly.photos,
        monthly.beauty_sum,
        monthly.beauty_squared_sum
    from {{ ref('int_user_beauty__monthly') }} as monthly
    inner join {{ ref('int_beauty_models__selected') }} as selected on monthly.model_version = selected.model_version
    where monthly.deleted_month is null or monthly.deleted_month > monthly.uploaded_month
),

-- Weeks that go on in the next month.
earlier as (
    select
        user_id,
        event_week,
        cast(event_month + interval 1 month as date) as next_month
    from {{ ref('fct_user_weeks') }}
    where uploads > 0 and event_week + interval 6 day >= event_month + interval 1 month
)

select user_id, {{ month_of('joined_at') }} as event_month
from {{ ref('stg_lake__users') }}
where joined_at is not null
union all by name
select
    weeks.user_id,
    weeks.event_month,
    weeks.uploads,
    weeks.favorites_given,
    weeks.follows_made,
    weeks.groups_joined,
    -- A week across two months counts in the month of its first upload.
    cast(weeks.uploads > 0 and earlier.user_id is null as bigint) as active_weeks
from {{ ref('fct_user_weeks') }} as weeks
left join earlier
    on
        weeks.user_id = earlier.user_id
        and weeks.event_week = earlier.event_week
        and weeks.event_month = earlier.next_month
union all by name
select
    user_id,
    event_month,
    favorites_given_standing,
    follows_received,
    unfollows,
    followers,
    followees,
    member_of_groups
from {{ ref('int_user_months__flows') }}
union all by name
select
    user_id,
    event_month,
    favorites_received,
    favorites_received_standing
from {{ ref('int_user_months__favorites_received') }}
union all by name
select
    user_id,
    event_month,
    followers,
    followees,
    member_of_groups
from {{ ref('int_user_months__adjustments') }}
union all by name
select
    user_id,
    uploaded_month as event_month,
    photos as photos_uploaded,
    beauty_sum as beauty_sum_uploaded,
    beauty_squared_sum as beauty_squared_sum_uploaded,
    photos,
    beauty_sum
from photos
union all by name
select
    user_id,
    deleted_month as event_month,
    -photos as photos,
    -beauty_sum as beauty_sum
from photos
where deleted_month is not null
