select
    source,
    "table",
    file,
    "row",
    "column",
    reason
from {{ source('lake', 'quarantine') }}
