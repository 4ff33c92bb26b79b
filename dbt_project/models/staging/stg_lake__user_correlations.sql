select
    measure,
    other_measure,
    value,
    lower,
    upper,
    users
from {{ source('lake', 'user_correlations') }}
