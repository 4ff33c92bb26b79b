with pairs as (
    select
        follower_id,
        followee_id
    from {{ ref('int_pairs__repeated') }}
    where follower_id is not null
    union
    select
        follower_id,
        followee_id
    from {{ ref('stg_lake__edges') }}
    where created_at is null
)

select
    edges.follower_id,
    edges.followee_id,
    edges.created_at,
    edges.removed_at,
    count(*) over (partition by edges.follower_id, edges.followee_id) as links
from {{ ref('stg_lake__edges') }} as edges
inner join pairs on edges.follower_id = pairs.follower_id and edges.followee_id = pairs.followee_id
