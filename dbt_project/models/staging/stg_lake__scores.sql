select
    photo_id,
    model_version,
    preprocessing_hash,
    uploaded_at,
    beauty,
    beauty_calibrated,
    lower,
    upper,
    scored_at
from {{ source('lake', 'scores') }}
