select
    source,
    "table",
    file,
    "row",
    "column",
    reason,
    detail,
    "text"
from {{ source('lake', 'quarantine') }}
