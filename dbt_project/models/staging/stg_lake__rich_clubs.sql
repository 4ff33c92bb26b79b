select
    snapshot_month,
    club,
    at_least,
    members,
    value,
    null_model,
    null_mean,
    null_sd,
    null_lower,
    null_upper,
    z,
    p_value,
    draws
from {{ source('lake', 'rich_clubs') }}
