select
    follower_id,
    followee_id,
    created_at,
    removed_at
from {{ source('lake', 'edges') }}
