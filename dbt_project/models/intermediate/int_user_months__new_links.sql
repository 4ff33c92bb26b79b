-- Links that were made in a month, by what was known of the followees when it began. Producers are those with beauty
-- who did something in the three months before; the top quarter of them is drawn anew every month.
with known as (
    select
        months.user_id,
        months.beauty_cumulative as beauty,
        cast(months.event_month + interval 1 month as date) as event_month,
        months.beauty_cumulative is not null
        and sum({{ acts_of('months') }}) over (
            partition by months.user_id order by months.event_month
            range between interval 2 month preceding and current row
        ) > 0 as is_producer
    from {{ ref('fct_user_months') }} as months
),

thresholds as (
    select
        event_month,
        quantile_cont(beauty, cast({{ var('top_beauty_percentile') }} as double)) as top_beauty
    from known
    where is_producer
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
    count(known.beauty) as links_to_beauty,
    count(*) filter (where known.is_producer and known.beauty >= thresholds.top_beauty) as links_to_top_beauty,
    avg(known.beauty) as mean_beauty
from made
left join thresholds on made.event_month = thresholds.event_month
left join known on made.followee_id = known.user_id and made.event_month = known.event_month
group by made.user_id, made.event_month
