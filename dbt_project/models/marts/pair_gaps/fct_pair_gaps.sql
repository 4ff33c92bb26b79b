-- The mean of n photos varies by variance / n around what its owner made that month, so the squared gap of two means is
-- too large by both, on average.
with monthly as (
    select
        user_id,
        event_month,
        photos,
        beauty
    from {{ ref('fct_user_beauty_monthly') }}
    where photos > 0
),

gaps as (
    select
        pairs.follower_id,
        pairs.followee_id,
        pairs.linked_month,
        pairs.is_followed_back,
        pairs.sampled_share,
        followers.event_month,
        date_diff('month', pairs.linked_month, followers.event_month) as relative_month,
        followers.photos as follower_photos,
        followers.beauty as follower_beauty,
        followees.photos as followee_photos,
        followees.beauty as followee_beauty
    from {{ ref('int_pairs__first_link') }} as pairs
    inner join monthly as followers on pairs.follower_id = followers.user_id
    inner join monthly as followees
        on pairs.followee_id = followees.user_id and followers.event_month = followees.event_month
    where
        date_diff('month', pairs.linked_month, followers.event_month)
        between -{{ var('pair_gap_months') }} and {{ var('pair_gap_months') }}
),

measured as (
    select
        gaps.*,
        (gaps.follower_beauty - gaps.followee_beauty) ** 2 as squared_gap,
        noise.variance_within_month * (1.0 / gaps.follower_photos + 1.0 / gaps.followee_photos) as sampling_noise
    from gaps
    cross join {{ ref('int_user_beauty__monthly_noise') }} as noise
)

select
    follower_id,
    followee_id,
    linked_month,
    is_followed_back,
    event_month,
    relative_month,
    follower_photos,
    follower_beauty,
    followee_photos,
    followee_beauty,
    squared_gap,
    sampling_noise,
    squared_gap - sampling_noise as squared_gap_corrected,
    sampled_share
from measured
