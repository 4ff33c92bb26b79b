select
    predictor,
    reference,
    stratum_kind,
    stratum,
    statistic,
    value,
    lower,
    upper,
    level,
    photos,
    missing_photos,
    left_out_photos
from {{ source('lake', 'beauty_evaluation') }}
