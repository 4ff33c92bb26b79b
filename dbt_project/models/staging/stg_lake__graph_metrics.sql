select
    snapshot_month,
    metric,
    value,
    lower,
    upper,
    n,
    definition
from {{ source('lake', 'graph_metrics') }}
