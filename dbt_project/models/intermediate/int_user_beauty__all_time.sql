-- Sums over the photos that stand today: dated ones from the monthly sums, undated ones from the photos themselves.
with sums as (
    select
        user_id,
        model_version,
        photos,
        beauty_sum,
        beauty_squared_sum
    from {{ ref('int_user_beauty__monthly') }}
    where deleted_month is null
    union all
    select
        user_id,
        model_version,
        count(*) as photos,
        sum(cast(beauty as decimal(10, 9))) as beauty_sum,
        sum(cast(beauty as decimal(10, 9)) * cast(beauty as decimal(10, 9))) as beauty_squared_sum
    from {{ ref('int_photos__beauty') }}
    where uploaded_at is null and deleted_at is null and user_id is not null
    group by user_id, model_version
),

totals as (
    select
        sums.user_id,
        sums.model_version,
        cast(sum(sums.photos) as bigint) as photos,
        sum(sums.beauty_sum) as beauty_sum,
        sum(sums.beauty_squared_sum) as beauty_squared_sum
    from sums
    inner join {{ ref('int_beauty_models__selected') }} as selected on sums.model_version = selected.model_version
    group by sums.user_id, sums.model_version
)

select
    user_id,
    model_version,
    photos,
    cast(beauty_sum as double) / photos as beauty,
    -- Sum of squared deviations from the user's mean, subtracted in decimals: no cancellation.
    greatest(0, cast(photos * beauty_squared_sum - beauty_sum * beauty_sum as double) / photos)
        as beauty_squared_deviations
from totals
