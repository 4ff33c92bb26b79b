-- Favorites without a time fall into no window: where none has one, nobody's recognition is known, and it is not 0.
select
    user_id,
    count(*) as photos,
    cast(sum(favorites_in_window) as bigint) as favorites_in_window,
    {{ exact_sum('exposure') }} as exposure
from {{ ref('int_photos__recognition') }}
where
    is_window_complete
    and exists (
        select 1
        from {{ ref('stg_lake__favorites') }} as favorites
        where favorites.created_at is not null
    )
group by user_id
