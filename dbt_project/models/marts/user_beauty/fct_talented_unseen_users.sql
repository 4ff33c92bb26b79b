select
    beauty.user_id,
    beauty.photos,
    beauty.beauty,
    beauty.beauty_shrunken,
    beauty.beauty_percentile,
    recognition.recognition,
    recognition.recognition_percentile,
    recognition.favorites_received,
    recognition.followers
from {{ ref('fct_user_beauty') }} as beauty
inner join {{ ref('fct_user_recognition') }} as recognition on beauty.user_id = recognition.user_id
where
    beauty.beauty_percentile >= {{ var('talented_beauty_percentile') }}
    and beauty.photos >= {{ var('talented_minimum_photos') }}
    and recognition.recognition_percentile < {{ var('unseen_recognition_percentile') }}
