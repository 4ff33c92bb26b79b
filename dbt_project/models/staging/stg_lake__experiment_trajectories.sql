select
    experiment,
    arm,
    relative_month,
    measure,
    mean,
    lower,
    upper,
    users
from {{ source('lake', 'experiment_trajectories') }}
