{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='uploaded_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

-- dbt cuts both inputs to the month of the batch (their `event_time`), so a late photo replays its own month alone.
-- Decimals add up to the same digits in any order: beauty has 9 decimals (float32 resolves 6e-8), its square 18.
with scored as (
    select
        photos.user_id,
        scores.model_version,
        {{ month_of('photos.uploaded_at') }} as uploaded_month,
        {{ month_of('photos.deleted_at') }} as deleted_month,
        cast(scores.beauty as decimal(10, 9)) as beauty
    from {{ ref('stg_lake__photos') }} as photos
    inner join {{ ref('stg_lake__scores') }} as scores on photos.photo_id = scores.photo_id
    where photos.user_id is not null and photos.uploaded_at is not null
)

select
    user_id,
    model_version,
    uploaded_month,
    deleted_month,
    count(*) as photos,
    sum(beauty) as beauty_sum,
    sum(beauty * beauty) as beauty_squared_sum
from scored
group by user_id, model_version, uploaded_month, deleted_month
