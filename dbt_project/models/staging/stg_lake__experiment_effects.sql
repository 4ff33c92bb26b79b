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
    p_value_adjusted,
    smd_after,
    reason
from {{ source('lake', 'experiment_effects') }}
