select
    user_id,
    class_number,
    class_name
from {{ source('lake', 'user_classes') }}
