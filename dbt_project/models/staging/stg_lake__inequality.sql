select
    quantity,
    statistic,
    value,
    lower,
    upper,
    users
from {{ source('lake', 'inequality') }}
