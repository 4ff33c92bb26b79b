select
    swaps_per_link,
    kept,
    assortativity
from {{ source('lake', 'rewiring_mixing') }}
