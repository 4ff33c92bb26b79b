select
    basis,
    landmark_days,
    classes,
    users,
    chi_squared,
    degrees_of_freedom,
    p_value
from {{ source('lake', 'class_survival_tests') }}
