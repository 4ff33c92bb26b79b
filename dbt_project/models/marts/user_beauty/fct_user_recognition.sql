with received as (
    select
        user_id,
        cast(sum(favorites) as bigint) as favorites_received
    from {{ ref('int_photos__recognition') }}
    group by user_id
),

followed as (
    select
        followee_id as user_id,
        count(distinct follower_id) as followers
    from {{ ref('stg_lake__edges') }}
    where removed_at is null
    group by followee_id
),

shrunken as (
    select
        sums.user_id,
        sums.photos,
        sums.favorites_in_window,
        sums.exposure,
        sums.favorites_in_window / sums.exposure as recognition_rate,
        moments.rate_mean
        + case
            when moments.rate_variance > 0
                then moments.rate_variance / (moments.rate_variance + moments.rate_mean / sums.exposure)
            else 0
        end * (sums.favorites_in_window / sums.exposure - moments.rate_mean) as recognition
    from {{ ref('int_user_recognition__sums') }} as sums
    cross join {{ ref('int_user_recognition__prior') }} as moments
)

select
    shrunken.user_id,
    shrunken.photos,
    shrunken.favorites_in_window,
    shrunken.exposure,
    shrunken.recognition_rate,
    shrunken.recognition,
    {{ mid_rank('shrunken.recognition') }} as recognition_percentile,
    received.favorites_received,
    coalesce(followed.followers, 0) as followers
from shrunken
inner join received on shrunken.user_id = received.user_id
left join followed on shrunken.user_id = followed.user_id
