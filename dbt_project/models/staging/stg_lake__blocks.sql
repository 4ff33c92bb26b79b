select
    user_id,
    blocked_user_id,
    created_at
from {{ source('lake', 'blocks') }}
