select
    basis,
    class_number,
    class_name,
    users,
    churned,
    median_days,
    lower_days,
    upper_days
from {{ source('lake', 'class_survival_medians') }}
