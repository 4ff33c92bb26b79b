select
    photo_id,
    n,
    mean_rating,
    standard_error,
    rating_scaled,
    scale_max
from {{ source('lake', 'photo_ratings') }}
