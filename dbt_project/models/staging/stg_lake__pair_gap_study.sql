select
    comparison,
    pair_group,
    relative_month,
    squared_gap,
    lower,
    upper,
    pairs
from {{ source('lake', 'pair_gap_study') }}
