select
    photo_id,
    user_id,
    uploaded_at,
    uri,
    metric,
    metric_source,
    bucket,
    split
from {{ source('lake', 'training_set') }}
