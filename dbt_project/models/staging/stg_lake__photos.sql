select
    photo_id,
    user_id,
    uploaded_at,
    uri,
    coalesce(category, 'uncategorised') as category,
    deleted_at
from {{ source('lake', 'photos') }}
where is_public
