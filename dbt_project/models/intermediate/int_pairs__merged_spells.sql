-- Rows of one pair that overlap or touch are one spell. A row that ends before it begins never stood.
with links as (
    select
        follower_id,
        followee_id,
        coalesce(created_at, {{ before_all_moments() }}) as started_at,
        coalesce(removed_at, cast('infinity' as timestamptz)) as ended_at,
        created_at is null as is_undated,
        links
    from {{ ref('int_pairs__repeated_links') }}
),

standing as (
    select
        follower_id,
        followee_id,
        started_at,
        ended_at,
        max(ended_at) over (
            partition by follower_id, followee_id
            order by started_at, ended_at
            rows between unbounded preceding and 1 preceding
        ) as stood_until
    from links
    where ended_at > started_at and (links > 1 or is_undated)
),

numbered as (
    select
        *,
        count(*) filter (where stood_until is null or started_at > stood_until) over (
            partition by follower_id, followee_id order by started_at, ended_at
        ) as spell
    from standing
)

select
    follower_id,
    followee_id,
    min(started_at) as started_at,
    nullif(max(ended_at), cast('infinity' as timestamptz)) as ended_at
from numbered
group by follower_id, followee_id, spell
