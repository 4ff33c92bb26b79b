-- Every change of a user's follower count. A link without a time has been there from the start.
with changes as (
    select
        followee_id as user_id,
        coalesce(created_at, cast('0001-01-01 00:00:00+00' as timestamptz)) as changed_at,
        1 as change
    from {{ ref('stg_lake__edges') }}
    union all
    select
        followee_id as user_id,
        removed_at as changed_at,
        -1 as change
    from {{ ref('stg_lake__edges') }}
    where removed_at is not null
),

moments as (
    select
        user_id,
        changed_at,
        sum(change) as change
    from changes
    group by user_id, changed_at
)

select
    user_id,
    changed_at,
    cast(sum(change) over (partition by user_id order by changed_at) as bigint) as followers
from moments
