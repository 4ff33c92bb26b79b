select
    experiment,
    covariate,
    meaning,
    mean_treated_before,
    mean_compared_before,
    smd_before,
    variance_ratio_before,
    ks_before,
    mean_treated_after,
    mean_compared_after,
    smd_after,
    variance_ratio_after,
    ks_after
from {{ source('lake', 'experiment_balance') }}
