-- Favorites without a time are used nowhere. Counts of rows tell an empty set from none.
with undated as (
    select
        'photos' as lake_table,
        hash(photo_id, user_id) as entry
    from {{ ref('stg_lake__photos') }}
    where uploaded_at is null
    union all
    select
        'edges' as lake_table,
        hash(follower_id, followee_id) as entry
    from {{ ref('stg_lake__edges') }}
    where created_at is null
)

select
    lake_table,
    source_month,
    digest
from {{ ref('int_lake__month_digests') }}
union all
select
    lake_table,
    {{ before_all_months() }} as source_month,
    cast(hash(sum(entry), count(*)) >> 1 as bigint) as digest
from undated
group by lake_table
