select
    bin,
    users,
    beauty,
    beauty_of_followees,
    lower,
    upper
from {{ source('lake', 'beauty_by_neighbours') }}
