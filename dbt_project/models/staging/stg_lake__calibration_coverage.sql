select
    model_version,
    category,
    photos,
    coverage,
    lower,
    upper
from {{ source('lake', 'calibration_coverage') }}
