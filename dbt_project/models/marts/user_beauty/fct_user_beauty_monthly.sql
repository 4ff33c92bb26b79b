with visible as (
    -- A photo deleted in the month of its upload was never there at the end of a month.
    select
        monthly.user_id,
        monthly.model_version,
        monthly.uploaded_month,
        monthly.deleted_month,
        monthly.photos,
        monthly.beauty_sum,
        monthly.beauty_squared_sum
    from {{ ref('int_user_beauty__monthly') }} as monthly
    inner join {{ ref('int_beauty_models__selected') }} as selected on monthly.model_version = selected.model_version
    where monthly.deleted_month is null or monthly.deleted_month > monthly.uploaded_month
),

changes as (
    select
        user_id,
        model_version,
        uploaded_month as event_month,
        photos as photos_uploaded,
        beauty_sum as beauty_sum_uploaded,
        photos,
        beauty_sum,
        beauty_squared_sum
    from visible
    union all
    select
        user_id,
        model_version,
        deleted_month as event_month,
        0 as photos_uploaded,
        0 as beauty_sum_uploaded,
        -photos as photos,
        -beauty_sum as beauty_sum,
        -beauty_squared_sum as beauty_squared_sum
    from visible
    where deleted_month is not null
),

months as (
    select
        user_id,
        model_version,
        event_month,
        sum(photos_uploaded) as photos_uploaded,
        sum(beauty_sum_uploaded) as beauty_sum_uploaded,
        sum(photos) as photos,
        sum(beauty_sum) as beauty_sum,
        sum(beauty_squared_sum) as beauty_squared_sum
    from changes
    group by user_id, model_version, event_month
),

cumulative as (
    select
        user_id,
        model_version,
        event_month,
        photos_uploaded,
        beauty_sum_uploaded,
        sum(photos) over months_so_far as photos,
        sum(beauty_sum) over months_so_far as beauty_sum,
        sum(beauty_squared_sum) over months_so_far as beauty_squared_sum,
        lead(event_month) over (partition by user_id order by event_month) as valid_until_month
    from months
    window months_so_far as (partition by user_id order by event_month)
)

select
    user_id,
    event_month,
    valid_until_month,
    model_version,
    cast(photos_uploaded as bigint) as photos,
    case when photos_uploaded > 0 then cast(beauty_sum_uploaded as double) / photos_uploaded end as beauty,
    cast(photos as bigint) as photos_cumulative,
    case when photos > 0 then cast(beauty_sum as double) / photos end as beauty_cumulative,
    case
        when photos > 1
            then sqrt(
                greatest(0, cast(photos * beauty_squared_sum - beauty_sum * beauty_sum as double))
                / photos / photos / (photos - 1)
            )
    end as beauty_cumulative_standard_error
from cumulative
