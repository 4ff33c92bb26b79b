-- Links that were made in a month, by what was known of the followees when it began. Producers are those with beauty
-- who did something in the three months before; the top quarter of them is drawn anew every month.
with producers as (
    select
        ended.user_id,
        ended.next_month as event_month,
        ended.beauty_cumulative as beauty
    from (
        select
            user_id,
            cast(event_month + interval 1 month as date) as next_month,
            beauty_cumulative,
            sum(uploads + favorites_given + follows_made) over (
                partition by user_id order by event_month
                range between interval 2 month preceding and current row
            ) as recent_acts
        from {{ ref('fct_user_months') }}
    ) as ended
    where ended.beauty_cumulative is not null and ended.recent_acts > 0
),

thresholds as (
    select
        event_month,
        quantile_cont(beauty, cast({{ var('top_beauty_percentile') }} as double)) as top_beauty
    from producers
    group by event_month
),

made as (
    select
        follower_id as user_id,
        followee_id,
        {{ month_of('started_at') }} as event_month
    from {{ ref('int_pairs__spells') }}
    where started_at > {{ before_all_moments() }}
)

select
    made.user_id,
    made.event_month,
    count(*) as links,
    count(known.beauty_cumulative) as links_to_beauty,
    count(*) filter (where known.beauty_cumulative >= thresholds.top_beauty) as links_to_top_beauty,
    avg(known.beauty_cumulative) as mean_beauty
from made
inner join thresholds on made.event_month = thresholds.event_month
left join {{ ref('fct_user_months') }} as known
    on
        made.followee_id = known.user_id
        and made.event_month = cast(known.event_month + interval 1 month as date)
group by made.user_id, made.event_month
