select
    recommender,
    metric,
    value,
    lower,
    upper,
    users
from {{ source('lake', 'recommender_evaluation') }}
