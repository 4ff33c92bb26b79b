select
    experiment,
    gamma,
    p_upper,
    p_upper_ranked,
    effect_lower,
    effect_upper
from {{ source('lake', 'experiment_bounds') }}
