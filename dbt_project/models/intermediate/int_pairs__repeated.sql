{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        contract={'enforced': true},
        post_hook="{{ delete_what_is_stale(this, 'edges', 'source_month', 'links_digest') }}"
    )
}}

-- Links of months that are new or have changed are looked for among all links; what other months have among themselves
-- is known. A pair stays listed by a month that has one of its links, even if the other one is gone since.
{%- set made = this if is_incremental() else none %}
{%- set new_links = partitions_to_make('edges', made, 'source_month', 'links_digest') %}
with months as (
    {{ new_links }}
),

links as (
    select
        edges.follower_id,
        edges.followee_id,
        months.source_month,
        months.digest
    from (
        select
            follower_id,
            followee_id,
            coalesce({{ month_of('created_at') }}, {{ before_all_months() }}) as source_month
        from {{ ref('stg_lake__edges') }}
        where created_at is null or ({{ lies_within('created_at', new_links if made else none, 'source_month') }})
    ) as edges
    inner join months on edges.source_month = months.source_month
),

-- The groups go to disk where they do not fit into memory.
repeated as (
    select
        edges.follower_id,
        edges.followee_id
    from {{ ref('stg_lake__edges') }} as edges
    {%- if made %}
    semi join links on edges.follower_id = links.follower_id and edges.followee_id = links.followee_id
    {%- endif %}
    group by edges.follower_id, edges.followee_id
    having count(*) > 1
),

listed as (
    select distinct
        links.follower_id,
        links.followee_id,
        links.source_month,
        links.digest
    from links
    inner join repeated on links.follower_id = repeated.follower_id and links.followee_id = repeated.followee_id
)

select
    follower_id,
    followee_id,
    source_month,
    digest as links_digest
from listed
union all
select
    null as follower_id,
    null as followee_id,
    source_month,
    digest as links_digest
from months
