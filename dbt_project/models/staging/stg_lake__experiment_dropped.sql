select
    experiment,
    arm,
    reason,
    units,
    share
from {{ source('lake', 'experiment_dropped') }}
