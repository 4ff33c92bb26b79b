select
    quantity,
    share_of_users,
    share_held
from {{ source('lake', 'lorenz_curves') }}
