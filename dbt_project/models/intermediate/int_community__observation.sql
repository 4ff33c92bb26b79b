-- Observation ends with the last upload or favorite, not with its month: a window that ends later was not seen whole.
with events as (
    select max(uploaded_at) as happened_at from {{ ref('stg_lake__photos') }}
    union all
    select max(created_at) as happened_at from {{ ref('stg_lake__favorites') }}
)

select max(happened_at) as observed_until
from events
