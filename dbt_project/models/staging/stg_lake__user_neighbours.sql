select
    snapshot_month,
    user_id,
    beauty,
    followees_with_beauty,
    beauty_of_followees,
    followers_with_beauty,
    beauty_of_followers
from {{ source('lake', 'user_neighbours') }}
