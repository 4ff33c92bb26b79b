select
    user_id,
    digest,
    candidates
from {{ source('lake', 'candidate_neighbourhoods') }}
