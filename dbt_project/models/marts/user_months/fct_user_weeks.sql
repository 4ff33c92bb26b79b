{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='event_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail'
    )
}}

-- dbt cuts the inputs to the month of the batch. What was taken back later was done all the same.
with acts as (
    select
        user_id,
        uploaded_at as happened_at,
        1 as uploads
    from {{ ref('stg_lake__photos') }}
    union all by name
    select
        user_id,
        created_at as happened_at,
        1 as favorites_given
    from {{ ref('stg_lake__favorites') }}
    union all by name
    select
        follower_id as user_id,
        created_at as happened_at,
        1 as follows_made
    from {{ ref('stg_lake__edges') }}
    union all by name
    select
        user_id,
        joined_at as happened_at,
        1 as groups_joined
    from {{ ref('stg_lake__group_memberships') }}
)

select
    user_id,
    {{ week_of('happened_at') }} as event_week,
    {{ month_of('happened_at') }} as event_month,
    cast(coalesce(sum(uploads), 0) as bigint) as uploads,
    cast(coalesce(sum(favorites_given), 0) as bigint) as favorites_given,
    cast(coalesce(sum(follows_made), 0) as bigint) as follows_made,
    cast(coalesce(sum(groups_joined), 0) as bigint) as groups_joined
from acts
where user_id is not null and happened_at is not null
group by all
