select
    raters_counted,
    coefficient,
    value,
    lower,
    upper,
    level,
    photos,
    ratings,
    raters
from {{ source('lake', 'crowd_agreement') }}
