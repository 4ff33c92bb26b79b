select
    snapshot_month,
    core,
    users,
    users_with_beauty,
    beauty,
    beauty_lower,
    beauty_upper,
    favorites,
    favorites_lower,
    favorites_upper,
    favorites_per_photo,
    share_of_users,
    share_of_favorites,
    share_of_beautiful
from {{ source('lake', 'core_profiles') }}
