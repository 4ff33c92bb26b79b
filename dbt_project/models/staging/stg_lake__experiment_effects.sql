select
    experiment,
    kind,
    name,
    outcome,
    effect,
    standard_error,
    lower,
    upper,
    p_value,
    units,
    smd_after,
    reason
from {{ source('lake', 'experiment_effects') }}
