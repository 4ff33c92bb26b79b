{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='source_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

-- An entry per fact, in the month in which it became known, and never with what became known later: an unfollow changes
-- the digest of its own month, not that of the link's creation. Links and photos have entries of their own beside the
-- counts, because exposure depends on their moments.
with links as (
    select
        {{ month_of('created_at') }} as source_month,
        {{ month_of('removed_at') }} as removed_month,
        follower_id,
        followee_id,
        created_at,
        removed_at
    from {{ ref('stg_lake__edges') }}
    where created_at is not null
),

photos as (
    select
        {{ month_of('photos.uploaded_at') }} as source_month,
        {{ month_of('photos.deleted_at') }} as deleted_month,
        photos.photo_id,
        photos.user_id,
        photos.uploaded_at,
        scores.model_version,
        scores.beauty
    from {{ ref('stg_lake__photos') }} as photos
    inner join {{ ref('stg_lake__scores') }} as scores on photos.photo_id = scores.photo_id
    where photos.user_id is not null and photos.uploaded_at is not null
),

entries as (
    select
        event_month as source_month,
        event_month,
        null as model_version,
        hash('act', user_id, event_week, uploads, favorites_given, follows_made, groups_joined) as entry
    from {{ ref('fct_user_weeks') }}
    union all
    select
        source_month,
        event_month,
        null as model_version,
        hash(
            'flow',
            user_id,
            favorites_given_standing,
            follows_received,
            unfollows,
            followers,
            followees,
            member_of_groups
        ) as entry
    from {{ ref('int_user_months__flows') }}
    union all
    select
        source_month,
        source_month as event_month,
        null as model_version,
        hash('link', follower_id, followee_id, created_at) as entry
    from links
    union all
    select
        source_month,
        removed_month as event_month,
        null as model_version,
        hash('unlink', follower_id, followee_id, created_at, removed_at) as entry
    from links
    where removed_month is not null
    union all
    select
        source_month,
        source_month as event_month,
        model_version,
        hash('photo', photo_id, user_id, uploaded_at, beauty) as entry
    from photos
    union all
    select
        source_month,
        deleted_month as event_month,
        model_version,
        hash('deletion', photo_id) as entry
    from photos
    where deleted_month is not null
)

select
    source_month,
    event_month,
    cast(model_version as varchar) as model_version,
    sum(entry) as digest,
    count(*) as entries
from entries
group by source_month, event_month, model_version
