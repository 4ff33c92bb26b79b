-- As fct_talented_unseen_users, but with what was known when the month began. How much beauty is shrunken is the
-- community's, learnt from all time.
with shrunken as (
    select
        windows.user_id,
        windows.event_month,
        windows.photos_before as photos,
        windows.recognition_before as recognition,
        case
            when moments.beauty_mean is null then windows.beauty_before
            when moments.variance_between is null or moments.variance_between + moments.variance_within = 0
                then windows.beauty_before
            else
                moments.beauty_mean
                + moments.variance_between
                / (moments.variance_between + moments.variance_within / windows.photos_before)
                * (windows.beauty_before - moments.beauty_mean)
        end as beauty_shrunken
    from {{ ref('fct_user_month_windows') }} as windows
    left join {{ ref('int_user_beauty__prior') }} as moments on true
    where windows.photos_before > 0 and windows.beauty_before is not null
),

ranked as (
    select
        *,
        percent_rank() over (partition by event_month order by beauty_shrunken) as beauty_percentile,
        case
            when recognition is not null
                then {{ mid_rank('recognition', within='event_month, recognition is null') }}
        end as recognition_percentile
    from shrunken
)

select
    user_id,
    event_month,
    photos,
    beauty_shrunken,
    beauty_percentile,
    recognition,
    recognition_percentile,
    coalesce(
        beauty_percentile >= {{ var('talented_beauty_percentile') }}
        and photos >= {{ var('talented_minimum_photos') }}
        and recognition_percentile < {{ var('unseen_recognition_percentile') }},
        false
    ) as is_talented_unseen
from ranked
