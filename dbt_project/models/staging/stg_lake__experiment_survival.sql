select
    experiment,
    arm,
    day,
    survival,
    lower,
    upper,
    at_risk
from {{ source('lake', 'experiment_survival') }}
