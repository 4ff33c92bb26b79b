select
    photo_id,
    popularity_bucket,
    category,
    favorites,
    cell_photos,
    position
from {{ source('lake', 'crowd_sample') }}
