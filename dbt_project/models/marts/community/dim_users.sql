with uploads as (
    select
        user_id,
        count(*) as photos,
        min(uploaded_at) as first_uploaded_at,
        max(uploaded_at) as last_uploaded_at
    from {{ ref('stg_lake__photos') }}
    where user_id is not null and deleted_at is null
    group by user_id
),

followed as (
    select
        followee_id as user_id,
        count(distinct follower_id) as followers
    from {{ ref('stg_lake__edges') }}
    where removed_at is null
    group by followee_id
),

following as (
    select
        follower_id as user_id,
        count(distinct followee_id) as followees
    from {{ ref('stg_lake__edges') }}
    where removed_at is null
    group by follower_id
)

select
    users.user_id,
    users.joined_at,
    {{ month_of('users.joined_at') }} as joined_month,
    users.is_pro,
    coalesce(uploads.photos, 0) as photos,
    uploads.first_uploaded_at,
    uploads.last_uploaded_at,
    coalesce(followed.followers, 0) as followers,
    coalesce(following.followees, 0) as followees
from {{ ref('stg_lake__users') }} as users
left join uploads on users.user_id = uploads.user_id
left join followed on users.user_id = followed.user_id
left join following on users.user_id = following.user_id
