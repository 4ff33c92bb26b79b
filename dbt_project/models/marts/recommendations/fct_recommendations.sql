select
    recommended.user_id,
    recommended.rank,
    recommended.recommended_user_id,
    recommended.score,
    recommended.acceptance,
    own.beauty_shrunken as beauty,
    other.beauty_shrunken as recommended_beauty,
    people.followers as recommended_followers,
    unseen.user_id is not null as is_to_talented_unseen,
    recommended.reason
from {{ ref('stg_lake__recommendations') }} as recommended
inner join {{ ref('dim_users') }} as people on recommended.recommended_user_id = people.user_id
inner join {{ ref('dim_users') }} as recipients on recommended.user_id = recipients.user_id
left join {{ ref('fct_user_beauty') }} as own on recommended.user_id = own.user_id
left join {{ ref('fct_user_beauty') }} as other on recommended.recommended_user_id = other.user_id
left join {{ ref('fct_talented_unseen_users') }} as unseen on recommended.recommended_user_id = unseen.user_id
