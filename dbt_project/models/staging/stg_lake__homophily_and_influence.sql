select
    reading,
    value,
    lower,
    upper,
    is_found,
    linked_pairs,
    never_linked_pairs,
    never_linked_pairs_with_a_link,
    largest_imbalance,
    definition
from {{ source('lake', 'homophily_and_influence') }}
