-- Only photos with a time can have a window. Followers are those whose links stood at the moment of upload; a favorite
-- comes from a follower whose link stood at the moment of the favorite.
with dated as (
    select
        photo_id,
        user_id,
        uploaded_at,
        deleted_at,
        uploaded_at + interval {{ var('recognition_window_days') }} day as window_ends_at
    from {{ ref('stg_lake__photos') }}
    where uploaded_at is not null and user_id is not null
),

given as (
    select
        dated.photo_id,
        dated.user_id,
        favorites.user_id as admirer_id,
        favorites.created_at,
        favorites.removed_at is null as is_standing,
        coalesce(
            favorites.created_at >= dated.uploaded_at
            and favorites.created_at < dated.window_ends_at
            and (favorites.removed_at is null or favorites.removed_at >= dated.window_ends_at),
            false
        ) as is_in_window
    from dated
    inner join {{ ref('stg_lake__favorites') }} as favorites
        on dated.photo_id = favorites.photo_id and dated.user_id != favorites.user_id
),

-- A link without a time has stood from the start.
followed as (
    select distinct
        given.photo_id,
        given.admirer_id
    from given
    inner join {{ ref('stg_lake__edges') }} as edges
        on given.user_id = edges.followee_id and given.admirer_id = edges.follower_id
    where
        given.is_in_window
        and (edges.created_at is null or edges.created_at <= given.created_at)
        and (edges.removed_at is null or edges.removed_at > given.created_at)
),

received as (
    select
        given.photo_id,
        count(*) filter (where given.is_standing) as favorites,
        count(*) filter (where given.is_in_window) as favorites_in_window,
        count(*) filter (where given.is_in_window and followed.admirer_id is not null) as favorites_from_followers
    from given
    left join followed on given.photo_id = followed.photo_id and given.admirer_id = followed.admirer_id
    group by given.photo_id
)

select
    dated.photo_id,
    dated.user_id,
    dated.uploaded_at,
    dated.deleted_at,
    dated.window_ends_at,
    dated.window_ends_at <= observation.observed_until as is_window_complete,
    coalesce(followers.followers, 0) as followers_at_upload,
    coalesce(received.favorites, 0) as favorites,
    coalesce(received.favorites_in_window, 0) as favorites_in_window,
    coalesce(received.favorites_from_followers, 0) as favorites_from_followers
from dated
cross join {{ ref('int_community__observation') }} as observation
asof left join {{ ref('int_users__followers') }} as followers
    on dated.user_id = followers.user_id and dated.uploaded_at >= followers.changed_at
left join received on dated.photo_id = received.photo_id
