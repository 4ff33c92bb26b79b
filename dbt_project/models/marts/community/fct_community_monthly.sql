with events as (
    select
        {{ month_of('joined_at') }} as event_month,
        'join' as event
    from {{ ref('stg_lake__users') }}
    union all
    select
        {{ month_of('uploaded_at') }} as event_month,
        'upload' as event
    from {{ ref('stg_lake__photos') }}
    union all
    select
        {{ month_of('created_at') }} as event_month,
        'follow' as event
    from {{ ref('stg_lake__edges') }}
    union all
    select
        {{ month_of('removed_at') }} as event_month,
        'unfollow' as event
    from {{ ref('stg_lake__edges') }}
    union all
    select
        {{ month_of('created_at') }} as event_month,
        'favorite' as event
    from {{ ref('stg_lake__favorites') }}
),

counts as (
    select
        event_month,
        count(*) filter (where event = 'join') as joins,
        count(*) filter (where event = 'upload') as uploads,
        count(*) filter (where event = 'follow') as follows,
        count(*) filter (where event = 'unfollow') as unfollows,
        count(*) filter (where event = 'favorite') as favorites
    from events
    where event_month is not null
    group by event_month
),

beauty as (
    select
        {{ month_of('uploaded_at') }} as event_month,
        count(*) as scored_photos,
        cast(sum(cast(beauty as decimal(10, 9))) as double) / count(*) as beauty
    from {{ ref('int_photos__beauty') }}
    where uploaded_at is not null and deleted_at is null
    group by event_month
)

select
    counts.event_month,
    counts.joins,
    counts.uploads,
    counts.follows,
    counts.unfollows,
    counts.favorites,
    coalesce(beauty.scored_photos, 0) as scored_photos,
    beauty.beauty
from counts
left join beauty on counts.event_month = beauty.event_month
