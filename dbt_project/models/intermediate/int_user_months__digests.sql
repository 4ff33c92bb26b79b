-- One digest per month from the first to the last. All of them contain the model version, and what is without a time.
with entries as (
    select
        partitions.event_month,
        partitions.digest,
        partitions.entries
    from {{ ref('int_user_months__partition_digests') }} as partitions
    left join {{ ref('int_beauty_models__selected') }} as selected
        on partitions.model_version = selected.model_version
    where partitions.model_version is null or selected.model_version is not null
    union all
    select
        {{ month_of('joined_at') }} as event_month,
        hash('user', user_id) as digest,
        1 as entries
    from {{ ref('stg_lake__users') }}
    where joined_at is not null
    union all
    select
        event_month,
        hash('received', user_id, given_month, photo_month, favorites_received, favorites_received_standing) as digest,
        1 as entries
    from {{ ref('int_user_months__favorites_received') }}
    union all
    select
        {{ before_all_months() }} as event_month,
        hash('link', follower_id, followee_id) as digest,
        1 as entries
    from {{ ref('stg_lake__edges') }}
    where created_at is null
    union all
    select
        {{ month_of('removed_at') }} as event_month,
        hash('unlink', follower_id, followee_id, removed_at) as digest,
        1 as entries
    from {{ ref('stg_lake__edges') }}
    where created_at is null and removed_at is not null
    union all
    select
        adjustments.event_month,
        hash('adjustment', adjustments.user_id, adjustments.member_of_groups) as digest,
        1 as entries
    from {{ ref('int_user_months__adjustments') }} as adjustments
    union all
    -- Who has no date of joining matters only where something of theirs has stood from the start: then they are there
    -- from the first month on.
    select
        adjustments.event_month,
        hash('always there', adjustments.user_id) as digest,
        1 as entries
    from {{ ref('int_user_months__adjustments') }} as adjustments
    left join {{ ref('stg_lake__users') }} as users on adjustments.user_id = users.user_id
    where adjustments.event_month = {{ before_all_months() }} and users.joined_at is null
),

sums as (
    select
        event_month,
        sum(digest) as digest,
        sum(entries) as entries
    from entries
    group by event_month
),

undated as (
    select
        max(digest) as digest,
        max(entries) as entries
    from sums
    where event_month = {{ before_all_months() }}
),

bounds as (
    select
        min(event_month) as first_month,
        max(event_month) as last_month
    from sums
    where event_month > {{ before_all_months() }}
),

months as (
    select
        cast(
            unnest(generate_series(cast(first_month as timestamp), cast(last_month as timestamp), interval 1 month))
            as date
        ) as event_month
    from bounds
)

select
    months.event_month,
    selected.model_version,
    -- 63 of its bits, as a signed number: Parquet and its readers know that everywhere.
    cast(
        hash(sums.digest, sums.entries, undated.digest, undated.entries, selected.model_version) >> 1 as bigint
    ) as month_digest
from months
cross join undated
left join sums on months.event_month = sums.event_month
left join {{ ref('int_beauty_models__selected') }} as selected on true
