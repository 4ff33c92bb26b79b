select
    experiment,
    has_differences,
    slope,
    slope_lower,
    slope_upper,
    mean_effect,
    mean_lower,
    mean_upper,
    clear_share,
    units,
    reason
from {{ source('lake', 'forest_calibration') }}
