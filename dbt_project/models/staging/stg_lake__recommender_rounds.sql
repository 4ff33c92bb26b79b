select
    recommender,
    round,
    measure,
    value,
    lower,
    upper,
    seeds
from {{ source('lake', 'recommender_rounds') }}
