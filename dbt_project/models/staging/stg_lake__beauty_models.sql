select
    model_version,
    sequence,
    preprocessing_hash,
    architecture,
    head,
    parameters,
    training_photos,
    metrics
from {{ source('lake', 'beauty_model') }}
