-- What users do themselves, when they did it; what was taken back later was done all the same.
with acts as (
    select
        user_id,
        uploaded_at as happened_at,
        'upload' as act
    from {{ ref('stg_lake__photos') }}
    union all
    select
        user_id,
        created_at as happened_at,
        'favorite' as act
    from {{ ref('stg_lake__favorites') }}
    union all
    select
        follower_id as user_id,
        created_at as happened_at,
        'follow' as act
    from {{ ref('stg_lake__edges') }}
    union all
    select
        user_id,
        joined_at as happened_at,
        'group' as act
    from {{ ref('stg_lake__group_memberships') }}
)

select
    user_id,
    min(happened_at) as first_activity_at,
    max(happened_at) as last_activity_at,
    count(*) filter (where act = 'upload') as uploads,
    count(*) filter (where act = 'favorite') as favorites_given,
    count(*) filter (where act = 'follow') as follows_made,
    count(*) filter (where act = 'group') as groups_joined
from acts
where user_id is not null and happened_at is not null
group by user_id
