-- Moments of the normal-normal model b(i) ~ N(mean, between), b(p) ~ N(b(i), within), estimated by the analysis of
-- variance for groups of unequal size (Henderson's method 1; Searle, Casella and McCulloch 1992, Variance Components,
-- section 3.6). Null where the community is too small to tell: one user, or one photo per user.
with sums as (
    select
        count(*) as users,
        cast(sum(photos) as double) as photos,
        cast(sum(photos * photos) as double) as squared_photos,
        {{ exact_sum('photos * beauty') }} as beauty_sum,
        {{ exact_sum('beauty_squared_deviations') }} as squares_within
    from {{ ref('int_user_beauty__all_time') }}
),

squares as (
    select
        {{ exact_sum('users.photos * (users.beauty - sums.beauty_sum / sums.photos) ** 2') }} as squares_between
    from {{ ref('int_user_beauty__all_time') }} as users
    cross join sums
),

variances as (
    select
        sums.users,
        sums.photos,
        case when sums.photos > sums.users then sums.squares_within / (sums.photos - sums.users) end as variance_within,
        case when sums.users > 1 then squares.squares_between / (sums.users - 1) end as mean_square_between,
        case
            when sums.users > 1 then (sums.photos - sums.squared_photos / sums.photos) / (sums.users - 1)
        end as photos_per_user
    from sums
    cross join squares
    where sums.users > 0
),

moments as (
    select
        users,
        photos,
        variance_within,
        -- `greatest` alone would take null for 0.
        case
            when mean_square_between is not null and variance_within is not null
                then greatest(0, (mean_square_between - variance_within) / photos_per_user)
        end as variance_between
    from variances
),

weights as (
    -- Precision of each user's mean, in units of the least precise there can be: from 1 to the number of photos.
    select
        members.beauty,
        (moments.variance_between + moments.variance_within)
        / (moments.variance_between + moments.variance_within / members.photos) as weight
    from {{ ref('int_user_beauty__all_time') }} as members
    cross join moments
    where moments.variance_between + moments.variance_within > 0
),

weighed as (
    select {{ exact_sum('weight * beauty') }} / {{ exact_sum('weight') }} as beauty_mean
    from weights
)

select
    cast(moments.users as bigint) as users,
    cast(moments.photos as bigint) as photos,
    weighed.beauty_mean,
    moments.variance_within,
    moments.variance_between
from moments
cross join weighed
