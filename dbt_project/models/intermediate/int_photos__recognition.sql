-- Only photos with a time can have a window. Exposure counts the links that stood at the moment of upload.
with dated as (
    select
        photo_id,
        user_id,
        uploaded_at,
        uploaded_at + interval {{ var('recognition_window_days') }} day as window_ends_at
    from {{ ref('stg_lake__photos') }}
    where uploaded_at is not null and user_id is not null and deleted_at is null
),

received as (
    select
        dated.photo_id,
        count(*) filter (where favorites.removed_at is null) as favorites,
        count(*) filter (
            where favorites.created_at >= dated.uploaded_at
            and favorites.created_at < dated.window_ends_at
            and (favorites.removed_at is null or favorites.removed_at >= dated.window_ends_at)
        ) as favorites_in_window
    from dated
    inner join {{ ref('stg_lake__favorites') }} as favorites
        on dated.photo_id = favorites.photo_id and dated.user_id != favorites.user_id
    group by dated.photo_id
)

select
    dated.photo_id,
    dated.user_id,
    dated.uploaded_at,
    dated.window_ends_at <= observation.observed_until as is_window_complete,
    coalesce(followers.followers, 0) as followers_at_upload,
    coalesce(followers.followers, 0) + {{ var('public_exposure') }} as exposure,
    coalesce(received.favorites, 0) as favorites,
    coalesce(received.favorites_in_window, 0) as favorites_in_window
from dated
cross join {{ ref('int_community__observation') }} as observation
asof left join {{ ref('int_users__followers') }} as followers
    on dated.user_id = followers.user_id and dated.uploaded_at >= followers.changed_at
left join received on dated.photo_id = received.photo_id
