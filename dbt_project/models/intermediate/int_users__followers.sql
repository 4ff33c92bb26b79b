-- Every change of a user's follower count. A link without a time has been there from the start; a link with a time from
-- the same follower is another row, and both are one follower for as long as either stands.
with changes as (
    select
        followee_id as user_id,
        follower_id,
        coalesce(created_at, cast('0001-01-01 00:00:00+00' as timestamptz)) as changed_at,
        1 as change
    from {{ ref('stg_lake__edges') }}
    union all
    select
        followee_id as user_id,
        follower_id,
        removed_at as changed_at,
        -1 as change
    from {{ ref('stg_lake__edges') }}
    where removed_at is not null
),

standing as (
    select
        user_id,
        follower_id,
        changed_at,
        sum(sum(change)) over (partition by user_id, follower_id order by changed_at) > 0 as is_standing
    from changes
    group by user_id, follower_id, changed_at
),

turns as (
    select
        user_id,
        changed_at,
        cast(is_standing as integer)
        - coalesce(
            lag(cast(is_standing as integer)) over (partition by user_id, follower_id order by changed_at), 0
        ) as change
    from standing
),

moments as (
    select
        user_id,
        changed_at,
        sum(change) as change
    from turns
    group by user_id, changed_at
    having sum(change) != 0
)

select
    user_id,
    changed_at,
    cast(sum(change) over (partition by user_id order by changed_at) as bigint) as followers
from moments
