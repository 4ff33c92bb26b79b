{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='source_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

with entries as (
    select
        'photos' as lake_table,
        {{ month_of('uploaded_at') }} as source_month,
        hash(photo_id, user_id) as entry
    from {{ ref('stg_lake__photos') }}
    where uploaded_at is not null
    union all
    select
        'favorites' as lake_table,
        {{ month_of('created_at') }} as source_month,
        hash(user_id, photo_id, {{ month_of('removed_at') }}) as entry
    from {{ ref('stg_lake__favorites') }}
    where created_at is not null
    union all
    select
        'edges' as lake_table,
        {{ month_of('created_at') }} as source_month,
        hash(follower_id, followee_id) as entry
    from {{ ref('stg_lake__edges') }}
    where created_at is not null
)

select
    lake_table,
    source_month,
    cast(hash(sum(entry), count(*)) >> 1 as bigint) as digest
from entries
group by lake_table, source_month
