select
    experiment,
    dose,
    range_number,
    low,
    high,
    mean_dose,
    range_units,
    is_reference,
    effect,
    standard_error,
    lower,
    upper,
    p_value,
    units,
    smd_after,
    reason
from {{ source('lake', 'dose_responses') }}
