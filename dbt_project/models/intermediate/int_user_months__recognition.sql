-- A photo counts from the month after the one in which its window closed, and no more after the one in which it was
-- deleted: that it will be deleted is not known before.
with photos as (
    select
        attention.user_id,
        {{ month_of('attention.window_ends_at') }} as closed_month,
        {{ month_of('attention.deleted_at') }} as deleted_month,
        sum(attention.favorites_in_window) as favorites,
        sum(
            cast(
                {{ exposure_of('attention.followers_at_upload', 'community.public_exposure') }} as decimal(38, 9)
            )
        ) as exposure
    from {{ ref('int_photos__attention') }} as attention
    cross join {{ ref('int_community__public_exposure') }} as community
    group by all
),

changes as (
    select
        user_id,
        closed_month as event_month,
        favorites,
        exposure
    from photos
    where deleted_month is null or deleted_month > closed_month
    union all
    select
        user_id,
        deleted_month as event_month,
        -favorites as favorites,
        -exposure as exposure
    from photos
    where deleted_month > closed_month
)

select
    user_id,
    event_month,
    cast(sum(favorites) as bigint) as favorites,
    cast(sum(exposure) as decimal(38, 9)) as exposure
from changes
group by user_id, event_month
