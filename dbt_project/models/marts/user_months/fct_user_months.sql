{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='event_month',
        on_schema_change='fail',
        post_hook="{{ delete_months_that_are_gone(this) }}"
    )
}}

-- A month is made again if its digest is not the one it was made with, and so is every month after it: they start from
-- the state at the end of the month before, which is in this table.
{%- set due = months_to_make(this) if is_incremental() else none %}
with months as (
    {{ due or months_to_make(none) }}
),

beginning as (
    select min(event_month) as first_month
    from {{ ref('int_user_months__digests') }}
),

{% if is_incremental() -%}
-- A month that the community no longer has is no state to start from.
before as (
    select
        cast(min(months.event_month) - interval 1 month as date) as event_month,
        min(beginning.first_month) as first_month
    from months
    cross join beginning
),

state as (
    select
        made.user_id,
        cast(made.event_month - to_months(cast(made.tenure_months as integer)) as date) as first_month,
        made.photos_cumulative as photos,
        made.beauty_sum_cumulative as beauty_sum,
        made.favorites_received_cumulative as favorites_received_standing,
        made.favorites_given_cumulative as favorites_given_standing,
        made.followers,
        made.followees,
        made.member_of_groups,
        made.active_weeks_cumulative as active_weeks
    from {{ this }} as made
    inner join before on made.event_month = before.event_month and made.event_month >= before.first_month
),

{% endif -%}
changes as (
    select
        changes.user_id,
        changes.event_month,
        sum(changes.photos_uploaded) as photos_uploaded,
        sum(changes.beauty_sum_uploaded) as beauty_sum_uploaded,
        sum(changes.beauty_squared_sum_uploaded) as beauty_squared_sum_uploaded,
        sum(changes.uploads) as uploads,
        sum(changes.favorites_received) as favorites_received,
        sum(changes.favorites_given) as favorites_given,
        sum(changes.follows_made) as follows_made,
        sum(changes.follows_received) as follows_received,
        sum(changes.unfollows) as unfollows,
        sum(changes.groups_joined) as groups_joined,
        sum(changes.photos) as photos,
        sum(changes.beauty_sum) as beauty_sum,
        sum(changes.favorites_received_standing) as favorites_received_standing,
        sum(changes.favorites_given_standing) as favorites_given_standing,
        sum(changes.followers) as followers,
        sum(changes.followees) as followees,
        sum(changes.member_of_groups) as member_of_groups,
        sum(changes.active_weeks) as active_weeks
    from {{ ref('int_user_months__changes') }} as changes
    inner join months on changes.event_month = months.event_month
    where {{ lies_within('changes.event_month', due, type='date') }}
    group by changes.user_id, changes.event_month
),

-- Who has links or memberships without a time, and no date of joining, is there from the first month on.
undated as (
    select
        adjustments.*,
        case when users.joined_at is null then beginning.first_month end as first_month
    from {{ ref('int_user_months__adjustments') }} as adjustments
    left join {{ ref('stg_lake__users') }} as users on adjustments.user_id = users.user_id
    cross join beginning
    where adjustments.event_month = {{ before_all_months() }}
),

opening as (
    {% if is_incremental() -%}
    select * exclude (first_month)
    from state
    union all by name
    {% endif -%}
    select
        user_id,
        followers,
        followees,
        member_of_groups,
        0 as photos,
        0 as beauty_sum,
        0 as favorites_received_standing,
        0 as favorites_given_standing,
        0 as active_weeks
    from undated
    {%- if is_incremental() %}
    where user_id not in (select state.user_id from state)
    {%- endif %}
),

arrivals as (
    select
        user_id,
        event_month as first_month
    from changes
    union all
    select
        user_id,
        first_month
    from undated
    where first_month is not null
    {%- if is_incremental() %}
    union all
    select
        user_id,
        first_month
    from state
    {%- endif %}
),

members as (
    select
        user_id,
        min(first_month) as first_month
    from arrivals
    group by user_id
),

panel as (
    select
        members.user_id,
        members.first_month,
        months.event_month,
        months.model_version,
        months.month_digest,
        coalesce(changes.photos_uploaded, 0) as photos_uploaded,
        coalesce(changes.beauty_sum_uploaded, 0) as beauty_sum_uploaded,
        coalesce(changes.beauty_squared_sum_uploaded, 0) as beauty_squared_sum_uploaded,
        coalesce(changes.uploads, 0) as uploads,
        coalesce(changes.favorites_received, 0) as favorites_received,
        coalesce(changes.favorites_given, 0) as favorites_given,
        coalesce(changes.follows_made, 0) as follows_made,
        coalesce(changes.follows_received, 0) as follows_received,
        coalesce(changes.unfollows, 0) as unfollows,
        coalesce(changes.groups_joined, 0) as groups_joined,
        coalesce(changes.active_weeks, 0) as active_weeks_begun,
        coalesce(opening.photos, 0)
        + coalesce(sum(changes.photos) over so_far, 0) as photos,
        coalesce(opening.beauty_sum, 0)
        + coalesce(sum(changes.beauty_sum) over so_far, 0) as beauty_sum,
        coalesce(opening.favorites_received_standing, 0)
        + coalesce(sum(changes.favorites_received_standing) over so_far, 0) as favorites_received_standing,
        coalesce(opening.favorites_given_standing, 0)
        + coalesce(sum(changes.favorites_given_standing) over so_far, 0) as favorites_given_standing,
        coalesce(opening.followers, 0)
        + coalesce(sum(changes.followers) over so_far, 0) as followers,
        coalesce(opening.followees, 0)
        + coalesce(sum(changes.followees) over so_far, 0) as followees,
        coalesce(opening.member_of_groups, 0)
        + coalesce(sum(changes.member_of_groups) over so_far, 0) as member_of_groups,
        coalesce(opening.active_weeks, 0)
        + coalesce(sum(changes.active_weeks) over so_far, 0) as active_weeks
    from members
    inner join months on members.first_month <= months.event_month
    left join changes on members.user_id = changes.user_id and months.event_month = changes.event_month
    left join opening on members.user_id = opening.user_id
    window so_far as (partition by members.user_id order by months.event_month)
)

select
    user_id,
    event_month,
    model_version,
    date_diff('month', first_month, event_month) as tenure_months,
    cast(photos_uploaded as bigint) as photos,
    case when photos_uploaded > 0 then cast(beauty_sum_uploaded as double) / photos_uploaded end as beauty,
    case
        when photos_uploaded > 1
            then sqrt(
                greatest(
                    0,
                    cast(
                        photos_uploaded * beauty_squared_sum_uploaded - beauty_sum_uploaded * beauty_sum_uploaded
                        as double
                    )
                )
                / photos_uploaded / photos_uploaded / (photos_uploaded - 1)
            )
    end as beauty_standard_error,
    cast(photos as bigint) as photos_cumulative,
    case when photos > 0 then cast(beauty_sum as double) / photos end as beauty_cumulative,
    cast(beauty_sum as decimal(38, 9)) as beauty_sum_cumulative,
    cast(uploads as bigint) as uploads,
    cast(favorites_received as bigint) as favorites_received,
    cast(favorites_given as bigint) as favorites_given,
    cast(favorites_received_standing as bigint) as favorites_received_cumulative,
    cast(favorites_given_standing as bigint) as favorites_given_cumulative,
    cast(followers as bigint) as followers,
    cast(followees as bigint) as followees,
    cast(follows_made as bigint) as follows_made,
    cast(follows_received as bigint) as follows_received,
    cast(unfollows as bigint) as unfollows,
    cast(groups_joined as bigint) as groups_joined,
    cast(member_of_groups as bigint) as member_of_groups,
    cast(active_weeks_begun as bigint) as active_weeks,
    cast(active_weeks as bigint) as active_weeks_cumulative,
    month_digest
from panel
