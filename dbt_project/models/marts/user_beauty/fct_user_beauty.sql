-- Shrinkage weight: between / (between + within / n); Efron and Morris 1975. Where the moments cannot be estimated
-- the mean is left as it is; where all photos are equally beautiful there is nothing to shrink.
with weighed as (
    select
        members.user_id,
        members.model_version,
        members.photos,
        members.beauty,
        moments.beauty_mean,
        moments.variance_within,
        case
            when members.photos > 1
                then sqrt(members.beauty_squared_deviations / (members.photos - 1) / members.photos)
        end as beauty_standard_error,
        case
            when moments.variance_between is null or moments.variance_between + moments.variance_within = 0 then 1.0
            else moments.variance_between / (moments.variance_between + moments.variance_within / members.photos)
        end as weight
    from {{ ref('int_user_beauty__all_time') }} as members
    cross join {{ ref('int_user_beauty__prior') }} as moments
),

shrunken as (
    select
        *,
        case
            when beauty_mean is null then beauty
            else beauty_mean + weight * (beauty - beauty_mean)
        end as beauty_shrunken,
        sqrt(weight * variance_within / photos) as beauty_shrunken_standard_error
    from weighed
)

select
    user_id,
    model_version,
    photos,
    beauty,
    beauty_standard_error,
    beauty_shrunken,
    beauty_shrunken_standard_error,
    percent_rank() over (order by beauty_shrunken) as beauty_percentile
from shrunken
