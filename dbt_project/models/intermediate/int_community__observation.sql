-- Observation ends with the last event, not with its month: what would end later was not seen whole. Windows of
-- favorites end with uploads and favorites; silence is measured against all that users do, and their joining.
with events as (
    select
        max(uploaded_at) as happened_at,
        true as is_of_photos
    from {{ ref('stg_lake__photos') }}
    union all
    select
        max(created_at) as happened_at,
        true as is_of_photos
    from {{ ref('stg_lake__favorites') }}
    union all
    select
        max(last_activity_at) as happened_at,
        false as is_of_photos
    from {{ ref('int_users__activity') }}
    union all
    select
        max(joined_at) as happened_at,
        false as is_of_photos
    from {{ ref('stg_lake__users') }}
)

select
    max(happened_at) filter (where is_of_photos) as observed_until,
    max(happened_at) as activity_observed_until
from events
