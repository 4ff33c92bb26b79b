select
    photo_id,
    rater_id,
    rating,
    rated_at,
    duration_ms,
    is_gold,
    gold_rating
from {{ source('lake', 'crowd_ratings') }}
