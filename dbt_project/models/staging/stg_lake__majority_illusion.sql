select
    snapshot_month,
    metric,
    value,
    null_model,
    null_mean,
    null_sd,
    null_lower,
    null_upper,
    z,
    p_value,
    draws,
    definition
from {{ source('lake', 'majority_illusion') }}
