-- Observation ends with the last month in which anything happened; what is younger than a window is told by this.
with events as (
    select max(uploaded_at) as happened_at from {{ ref('stg_lake__photos') }}
    union all
    select max(created_at) as happened_at from {{ ref('stg_lake__favorites') }}
    union all
    select max(created_at) as happened_at from {{ ref('stg_lake__edges') }}
    union all
    select max(joined_at) as happened_at from {{ ref('stg_lake__users') }}
)

select
    {{ month_of('max(happened_at)') }} as last_month,
    cast({{ month_of('max(happened_at)') }} + interval 1 month as timestamptz) as observed_until
from events
