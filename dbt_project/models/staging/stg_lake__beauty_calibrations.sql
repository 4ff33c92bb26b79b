select
    model_version,
    half_width,
    level,
    photos,
    ratings_per_photo,
    noise_share,
    coverage,
    lower,
    upper
from {{ source('lake', 'beauty_calibration') }}
