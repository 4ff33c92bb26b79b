select
    snapshot_month,
    side,
    minimum,
    tail_users,
    users,
    exponent,
    standard_error,
    distance,
    against_lognormal,
    against_lognormal_p,
    against_exponential,
    against_exponential_p,
    reading
from {{ source('lake', 'degree_fits') }}
