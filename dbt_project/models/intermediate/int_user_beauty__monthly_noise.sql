-- Pooled variance of a photo's beauty around its owner's mean of the month: squares within user-months per degree of
-- freedom (one-way analysis of variance). Squares are subtracted in decimals: no cancellation.
with user_months as (
    select
        monthly.user_id,
        monthly.uploaded_month,
        sum(monthly.photos) as photos,
        sum(monthly.beauty_sum) as beauty_sum,
        sum(monthly.beauty_squared_sum) as beauty_squared_sum
    from {{ ref('int_user_beauty__monthly') }} as monthly
    inner join {{ ref('int_beauty_models__selected') }} as selected on monthly.model_version = selected.model_version
    where monthly.deleted_month is null or monthly.deleted_month > monthly.uploaded_month
    group by monthly.user_id, monthly.uploaded_month
),

pooled as (
    select
        count(*) as user_months,
        cast(sum(photos) as bigint) as photos,
        {{ exact_sum('greatest(0, cast(photos * beauty_squared_sum - beauty_sum * beauty_sum as double) / photos)') }}
            as squares_within
    from user_months
)

select
    user_months,
    photos,
    case when photos > user_months then squares_within / (photos - user_months) end as variance_within_month
from pooled
where user_months > 0
