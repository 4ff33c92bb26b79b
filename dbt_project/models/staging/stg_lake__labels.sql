select
    photo_id,
    source,
    mean,
    n,
    histogram,
    tags
from {{ source('lake', 'labels') }}
