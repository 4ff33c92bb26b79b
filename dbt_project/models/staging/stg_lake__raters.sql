select
    rater_id,
    country,
    track_record
from {{ source('lake', 'raters') }}
