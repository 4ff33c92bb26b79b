select
    photo_id,
    model_version,
    method,
    beauty,
    attribute_beauty,
    deletion_gain,
    insertion_gain,
    overlay,
    sentences
from {{ source('lake', 'photo_explanations') }}
