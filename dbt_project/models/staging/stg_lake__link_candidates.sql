select
    user_id,
    candidate_id,
    paths,
    adamic_adar,
    resource_allocation
from {{ source('lake', 'link_candidates') }}
