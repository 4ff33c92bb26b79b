select
    user_id,
    source,
    value,
    n
from {{ source('lake', 'user_quality') }}
