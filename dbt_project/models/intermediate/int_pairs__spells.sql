{{ config(materialized='view') }}

select
    edges.follower_id,
    edges.followee_id,
    edges.created_at as started_at,
    edges.removed_at as ended_at
from {{ ref('stg_lake__edges') }} as edges
anti join {{ ref('int_pairs__merged_spells') }} as merged
    on edges.follower_id = merged.follower_id and edges.followee_id = merged.followee_id
where edges.created_at is not null and (edges.removed_at is null or edges.removed_at > edges.created_at)
union all
select
    follower_id,
    followee_id,
    started_at,
    ended_at
from {{ ref('int_pairs__merged_spells') }}
