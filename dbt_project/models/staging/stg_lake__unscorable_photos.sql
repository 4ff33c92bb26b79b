select
    photo_id,
    model_version,
    uploaded_at,
    uri,
    reason,
    detail
from {{ source('lake', 'unscorable_photos') }}
