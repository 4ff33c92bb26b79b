select
    model_version,
    measure,
    value,
    lower,
    upper,
    photos
from {{ source('lake', 'explanation_faithfulness') }}
