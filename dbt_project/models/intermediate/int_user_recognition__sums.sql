select
    user_id,
    count(*) as photos,
    cast(sum(favorites_in_window) as bigint) as favorites_in_window,
    cast(sum(exposure) as bigint) as exposure
from {{ ref('int_photos__recognition') }}
where is_window_complete and exists (select 1 from {{ ref('stg_lake__favorites') }})
group by user_id
