select
    user_id,
    joined_at,
    is_pro
from {{ source('lake', 'users') }}
where opted_in
