select
    user_id,
    rank,
    recommended_user_id,
    score,
    acceptance,
    beauty,
    reason
from {{ source('lake', 'recommendations') }}
