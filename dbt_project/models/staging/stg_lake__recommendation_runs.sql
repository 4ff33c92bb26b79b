select
    method,
    users,
    candidate_links,
    slots,
    slots_per_user,
    capacity,
    imbalance_limit,
    delivered,
    bound,
    gap,
    users_at_capacity,
    imbalance_before,
    imbalance_after
from {{ source('lake', 'recommendation_runs') }}
