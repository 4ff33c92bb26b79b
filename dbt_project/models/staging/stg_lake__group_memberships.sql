select
    user_id,
    group_id,
    joined_at,
    left_at
from {{ source('lake', 'group_memberships') }}
