-- Whole in every run: a photo whose owner is corrected takes its favorites of all months along, so months of favorites
-- cannot tell whose they are. The join is no larger than the one that `int_photos__attention` makes.
with given as (
    select
        photos.user_id,
        {{ month_of('favorites.created_at') }} as given_month,
        {{ month_of('favorites.removed_at') }} as removed_month,
        count(*) as favorites
    from {{ ref('stg_lake__favorites') }} as favorites
    inner join {{ ref('stg_lake__photos') }} as photos on favorites.photo_id = photos.photo_id
    where favorites.created_at is not null and photos.user_id != favorites.user_id
    group by all
),

changes as (
    select
        user_id,
        given_month as event_month,
        favorites as favorites_received,
        favorites as favorites_received_standing
    from given
    union all
    select
        user_id,
        removed_month as event_month,
        0 as favorites_received,
        -favorites as favorites_received_standing
    from given
    where removed_month is not null
)

select
    user_id,
    event_month,
    cast(sum(favorites_received) as bigint) as favorites_received,
    cast(sum(favorites_received_standing) as bigint) as favorites_received_standing
from changes
group by user_id, event_month
