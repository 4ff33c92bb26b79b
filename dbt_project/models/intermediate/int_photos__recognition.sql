select
    attention.photo_id,
    attention.user_id,
    attention.uploaded_at,
    attention.is_window_complete,
    attention.followers_at_upload,
    {{ exposure_of('attention.followers_at_upload', 'community.public_exposure') }} as exposure,
    attention.favorites,
    attention.favorites_in_window
from {{ ref('int_photos__attention') }} as attention
cross join {{ ref('int_community__public_exposure') }} as community
where attention.deleted_at is null
