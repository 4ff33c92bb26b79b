select
    basis,
    class_number,
    class_name,
    step,
    days,
    survival,
    lower,
    upper,
    at_risk
from {{ source('lake', 'class_survival') }}
