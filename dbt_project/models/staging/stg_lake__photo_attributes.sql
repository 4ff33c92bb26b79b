select
    photo_id,
    model_version,
    attribute,
    value,
    deviation_sd,
    contribution,
    sentence
from {{ source('lake', 'photo_attributes') }}
