{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='event_month',
        on_schema_change='fail',
        post_hook="{{ delete_months_that_are_gone(this) }}"
    )
}}

-- Exposure depends on all months so far, so months are made again from the first whose digest is not the one that they
-- were made with, as in fct_user_months. Spells of a pair never overlap, so nobody is counted twice.
{%- set due = months_to_make(this) if is_incremental() else none %}
with months as (
    select
        *,
        cast(event_month as timestamptz) as begun_at,
        cast(cast(event_month + interval 1 month as date) as timestamptz) as over_at
    from ({{ due or months_to_make(none) }}) as due
),

panel as (
    select
        users.user_id,
        users.event_month,
        users.model_version,
        users.month_digest
    from {{ ref('fct_user_months') }} as users
    inner join months on users.event_month = months.event_month
),

before as (
    select
        users.user_id,
        months.event_month,
        users.beauty_cumulative,
        cast(users.beauty_cumulative as decimal(18, 15)) as beauty_exact
    from {{ ref('fct_user_months') }} as users
    inner join months on users.event_month = cast(months.event_month - interval 1 month as date)
    where users.beauty_cumulative is not null
),

spells as (
    select
        follower_id,
        followee_id,
        started_at,
        ended_at
    from {{ ref('int_pairs__spells') }}
),

produced as (
    select
        monthly.user_id,
        monthly.uploaded_month as event_month,
        sum(monthly.photos) as photos,
        sum(monthly.beauty_sum) as beauty_sum
    from {{ ref('int_user_beauty__monthly') }} as monthly
    inner join {{ ref('int_beauty_models__selected') }} as selected on monthly.model_version = selected.model_version
    inner join months on monthly.uploaded_month = months.event_month
    group by monthly.user_id, monthly.uploaded_month
),

-- Joined with spells by followee, so that the join holds either spells or months of users, and never months of spells.
-- Sorted, so that it fills the sums of one month after the other.
known as (
    select
        followees.followee_id,
        months.event_month,
        months.begun_at,
        months.over_at,
        before.beauty_exact,
        produced.photos,
        produced.beauty_sum
    from (select distinct followee_id from spells) as followees
    cross join months
    left join before on followees.followee_id = before.user_id and months.event_month = before.event_month
    left join produced on followees.followee_id = produced.user_id and months.event_month = produced.event_month
    order by months.event_month
),

-- Links that stood when the month began. Those that stood to its end saw all photos of the month, and need no moments.
standing as (
    select
        spells.follower_id as user_id,
        known.event_month,
        count(*) as followees,
        count(known.beauty_exact) as followees_with_beauty,
        sum(known.beauty_exact) as followee_beauty_sum,
        count(known.photos) filter (where (spells.ended_at < known.over_at) is not true) as seen_followees,
        sum(known.photos) filter (where (spells.ended_at < known.over_at) is not true) as seen_photos,
        sum(known.beauty_sum) filter (where (spells.ended_at < known.over_at) is not true) as seen_beauty_sum
    from spells
    inner join known
        on
            spells.followee_id = known.followee_id
            and spells.started_at < known.begun_at
            and (spells.ended_at is null or spells.ended_at >= known.begun_at)
    group by spells.follower_id, known.event_month
),

-- Kept apart from its scores, or all photos of all months would be joined with theirs.
uploaded as materialized (
    select
        photos.photo_id,
        photos.user_id,
        photos.uploaded_at,
        months.event_month
    from {{ ref('stg_lake__photos') }} as photos
    inner join months on {{ month_of('photos.uploaded_at') }} = months.event_month
    where photos.user_id is not null and {{ lies_within('photos.uploaded_at', due) }}
),

photos as (
    select
        uploaded.user_id,
        uploaded.uploaded_at,
        uploaded.event_month,
        cast(scores.beauty as decimal(10, 9)) as beauty
    from uploaded
    inner join {{ ref('stg_lake__scores') }} as scores on uploaded.photo_id = scores.photo_id
    inner join {{ ref('int_beauty_models__selected') }} as selected on scores.model_version = selected.model_version
),

-- From the moment of each photo, what its owner uploaded to the end of the month. Photos of one moment have equal sums.
remaining as (
    select
        user_id,
        event_month,
        uploaded_at,
        count(*) over later as photos,
        sum(beauty) over later as beauty_sum
    from photos
    window later as (partition by user_id, event_month order by uploaded_at desc)
),

-- Links that began or ended in the month.
changed as (
    select
        spells.*,
        months.event_month,
        months.over_at
    from spells
    inner join months on {{ month_of('spells.started_at') }} = months.event_month
    where {{ lies_within('spells.started_at', due) }}
    union all
    select
        spells.*,
        months.event_month,
        months.over_at
    from spells
    inner join months
        on {{ month_of('spells.ended_at') }} = months.event_month and spells.started_at < months.begun_at
    where {{ lies_within('spells.ended_at', due) }}
),

turns as (
    select
        follower_id,
        followee_id,
        event_month,
        started_at as turned_at,
        1 as sign
    from changed
    union all
    select
        follower_id,
        followee_id,
        event_month,
        ended_at as turned_at,
        -1 as sign
    from changed
    where ended_at < over_at
),

-- They saw what remained of the month when they began, less what remained when they ended, so that no link meets its
-- photos one by one. A pair with several links in the month is one followee.
pairs as (
    select
        turns.follower_id,
        turns.event_month,
        sum(turns.sign * remaining.photos) as photos,
        sum(turns.sign * remaining.beauty_sum) as beauty_sum
    from turns
    asof inner join remaining
        on
            turns.followee_id = remaining.user_id
            and turns.event_month = remaining.event_month
            and turns.turned_at <= remaining.uploaded_at
    group by turns.follower_id, turns.followee_id, turns.event_month
),

changing as (
    select
        follower_id as user_id,
        event_month,
        count(*) as seen_followees,
        sum(photos) as seen_photos,
        sum(beauty_sum) as seen_beauty_sum
    from pairs
    where photos > 0
    group by follower_id, event_month
),

seen as (
    select
        user_id,
        event_month,
        sum(seen_followees) as seen_followees,
        sum(seen_photos) as seen_photos,
        sum(seen_beauty_sum) as seen_beauty_sum,
        sum(followees) as followees,
        sum(followees_with_beauty) as followees_with_beauty,
        sum(followee_beauty_sum) as followee_beauty_sum
    from (
        select * from standing
        union all by name
        select * from changing
    ) as kinds
    group by user_id, event_month
),

exposed as (
    select
        panel.user_id,
        panel.event_month,
        panel.model_version,
        panel.month_digest,
        coalesce(seen.seen_photos, 0) as seen_photos,
        coalesce(seen.seen_followees, 0) as seen_followees,
        coalesce(seen.followees, 0) as followees,
        coalesce(seen.followees_with_beauty, 0) as followees_with_beauty,
        before.beauty_cumulative as beauty_before,
        case when seen.seen_photos > 0 then cast(seen.seen_beauty_sum as double) / seen.seen_photos end
            as photo_exposure,
        case
            when seen.followees_with_beauty > 0
                then cast(seen.followee_beauty_sum as double) / seen.followees_with_beauty
        end as followee_exposure
    from panel
    left join seen on panel.user_id = seen.user_id and panel.event_month = seen.event_month
    left join before on panel.user_id = before.user_id and panel.event_month = before.event_month
)

select
    user_id,
    event_month,
    model_version,
    cast(seen_photos as bigint) as seen_photos,
    cast(seen_followees as bigint) as seen_followees,
    photo_exposure,
    cast(followees as bigint) as followees,
    cast(followees_with_beauty as bigint) as followees_with_beauty,
    followee_exposure,
    beauty_before,
    photo_exposure - beauty_before as photo_imbalance,
    followee_exposure - beauty_before as followee_imbalance,
    month_digest
from exposed
