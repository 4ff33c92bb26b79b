select
    user_id,
    photo_id,
    created_at,
    removed_at
from {{ source('lake', 'favorites') }}
