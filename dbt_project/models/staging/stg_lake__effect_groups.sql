select
    experiment,
    grouping,
    group_name,
    effect,
    standard_error,
    lower,
    upper,
    p_value,
    units,
    p_value_adjusted,
    p_value_difference,
    smd_after,
    reason
from {{ source('lake', 'effect_groups') }}
