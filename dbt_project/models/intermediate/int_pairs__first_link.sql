-- A link without a time has stood from the start, so the first link of a pair that has one is not known. Only pairs
-- whose ends both have beauty in some month can have a gap.
with pairs as (
    select
        follower_id,
        followee_id,
        min(created_at) as linked_at,
        bool_or(created_at is null) as is_undated
    from {{ ref('stg_lake__edges') }}
    where follower_id != followee_id
    group by follower_id, followee_id
),

with_beauty as (
    select distinct user_id
    from {{ ref('fct_user_beauty_monthly') }}
    where photos > 0
),

datable as (
    select
        pairs.follower_id,
        pairs.followee_id,
        pairs.linked_at,
        md5_number_lower(pairs.follower_id || ' ' || pairs.followee_id) as draw,
        count(*) over () as pairs
    from pairs
    inner join with_beauty as followers on pairs.follower_id = followers.user_id
    inner join with_beauty as followees on pairs.followee_id = followees.user_id
    where not pairs.is_undated
),

-- A pair stays if its own draw lies below a threshold that is halved until at most `pair_gap_sample` pairs are
-- expected. So a smaller share keeps some of the same pairs and no others, and changes when the community has doubled.
sampled as (
    select
        follower_id,
        followee_id,
        linked_at,
        halvings
    from (
        select
            *,
            cast(
                greatest(0, ceil(log2(pairs / cast({{ var('pair_gap_sample') }} as double)))) as integer
            ) as halvings
        from datable
    ) as weighed
    where cast(draw as hugeint) < cast(18446744073709551616 as hugeint) // (cast(1 as hugeint) << halvings)
)

select
    sampled.follower_id,
    sampled.followee_id,
    sampled.linked_at,
    {{ month_of('sampled.linked_at') }} as linked_month,
    coalesce(reverse.is_undated or reverse.linked_at < sampled.linked_at, false) as is_followed_back,
    1.0 / cast(cast(1 as hugeint) << sampled.halvings as double) as sampled_share
from sampled
left join pairs as reverse
    on sampled.follower_id = reverse.followee_id and sampled.followee_id = reverse.follower_id
