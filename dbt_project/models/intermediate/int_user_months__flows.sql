{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='source_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

-- The lake keeps an end in the row that it ends, so that both belong to the month of the beginning: an unfollow replays
-- the month in which the link was made, and no other. Favorites received are not
-- here: whose they are is told by photos of other months, see `int_user_months__favorites_received`.
with favorites as (
    select
        {{ month_of('created_at') }} as source_month,
        {{ month_of('removed_at') }} as removed_month,
        user_id as giver_id
    from {{ ref('stg_lake__favorites') }}
    where created_at is not null
),

links as (
    select
        {{ month_of('created_at') }} as source_month,
        {{ month_of('removed_at') }} as removed_month,
        follower_id,
        followee_id,
        cast(removed_at is null or removed_at > created_at as integer) as standing
    from {{ ref('stg_lake__edges') }}
    where created_at is not null
),

memberships as (
    select
        {{ month_of('joined_at') }} as source_month,
        {{ month_of('left_at') }} as removed_month,
        user_id,
        cast(left_at is null or left_at > joined_at as integer) as standing
    from {{ ref('stg_lake__group_memberships') }}
    where joined_at is not null
),

flows as (
    select
        source_month,
        source_month as event_month,
        giver_id as user_id,
        1 as favorites_given_standing
    from favorites
    union all by name
    select
        source_month,
        removed_month as event_month,
        giver_id as user_id,
        -1 as favorites_given_standing
    from favorites
    where removed_month is not null
    union all by name
    select
        source_month,
        source_month as event_month,
        follower_id as user_id,
        standing as followees
    from links
    union all by name
    select
        source_month,
        removed_month as event_month,
        follower_id as user_id,
        1 as unfollows,
        -standing as followees
    from links
    where removed_month is not null
    union all by name
    select
        source_month,
        source_month as event_month,
        followee_id as user_id,
        1 as follows_received,
        standing as followers
    from links
    union all by name
    select
        source_month,
        removed_month as event_month,
        followee_id as user_id,
        -standing as followers
    from links
    where removed_month is not null
    union all by name
    select
        source_month,
        source_month as event_month,
        user_id,
        standing as member_of_groups
    from memberships
    union all by name
    select
        source_month,
        removed_month as event_month,
        user_id,
        -standing as member_of_groups
    from memberships
    where removed_month is not null
)

select
    source_month,
    event_month,
    user_id,
    cast(coalesce(sum(favorites_given_standing), 0) as bigint) as favorites_given_standing,
    cast(coalesce(sum(follows_received), 0) as bigint) as follows_received,
    cast(coalesce(sum(unfollows), 0) as bigint) as unfollows,
    cast(coalesce(sum(followers), 0) as bigint) as followers,
    cast(coalesce(sum(followees), 0) as bigint) as followees,
    cast(coalesce(sum(member_of_groups), 0) as bigint) as member_of_groups
from flows
group by source_month, event_month, user_id
