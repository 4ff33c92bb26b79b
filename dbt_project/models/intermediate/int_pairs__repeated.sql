{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='created_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

-- The few pairs of one month look for their other rows among all links: that reads two columns of all months, and holds
-- no more than the month in memory. Whichever of two rows comes last finds the other, in whatever order they come.
with links as (
    select
        {{ month_of('created_at') }} as created_month,
        follower_id,
        followee_id
    from {{ ref('stg_lake__edges') }}
    where created_at is not null
)

select
    links.created_month,
    links.follower_id,
    links.followee_id
from links
inner join {{ ref('stg_lake__edges').render() }} as siblings
    on links.follower_id = siblings.follower_id and links.followee_id = siblings.followee_id
group by links.created_month, links.follower_id, links.followee_id
having count(*) > 1
