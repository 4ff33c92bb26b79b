-- What flows of single months cannot know, as changes that are added to them: of pairs with several rows, the spells
-- less what the rows say; links and memberships without a time, in the month before all months.
with pairs as (
    select distinct
        follower_id,
        followee_id
    from {{ ref('int_pairs__merged_spells') }}
),

counted as (
    select
        edges.follower_id,
        edges.followee_id,
        edges.created_at as started_at,
        edges.removed_at as ended_at,
        -1 as weight
    from {{ ref('int_pairs__repeated_links') }} as edges
    inner join pairs on edges.follower_id = pairs.follower_id and edges.followee_id = pairs.followee_id
    where edges.created_at is not null and (edges.removed_at is null or edges.removed_at > edges.created_at)
    union all
    select
        follower_id,
        followee_id,
        started_at,
        ended_at,
        1 as weight
    from {{ ref('int_pairs__merged_spells') }}
),

turns as (
    select
        follower_id,
        followee_id,
        {{ month_of('started_at') }} as event_month,
        weight as change
    from counted
    union all
    select
        follower_id,
        followee_id,
        {{ month_of('ended_at') }} as event_month,
        -weight as change
    from counted
    where ended_at is not null
),

changes as (
    select
        follower_id as user_id,
        event_month,
        change as followees
    from turns
    union all by name
    select
        followee_id as user_id,
        event_month,
        change as followers
    from turns
    union all by name
    select
        user_id,
        {{ before_all_months() }} as event_month,
        1 as member_of_groups
    from {{ ref('stg_lake__group_memberships') }}
    where joined_at is null
    union all by name
    select
        user_id,
        {{ month_of('left_at') }} as event_month,
        -1 as member_of_groups
    from {{ ref('stg_lake__group_memberships') }}
    where joined_at is null and left_at is not null
)

select
    user_id,
    event_month,
    cast(coalesce(sum(followers), 0) as bigint) as followers,
    cast(coalesce(sum(followees), 0) as bigint) as followees,
    cast(coalesce(sum(member_of_groups), 0) as bigint) as member_of_groups
from changes
group by user_id, event_month
having coalesce(sum(followers), 0) != 0 or coalesce(sum(followees), 0) != 0 or coalesce(sum(member_of_groups), 0) != 0
