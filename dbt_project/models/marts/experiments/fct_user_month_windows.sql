-- What was known of a user when a month began, what links were made in it, and what came after. Beauty of several
-- months weighs months by their photos. Months after the last one that was observed whole answer nothing: they are not
-- zero.
with observed as (
    select cast({{ month_of('activity_observed_until') }} - interval 1 month as date) as last_month
    from {{ ref('int_community__observation') }}
),

panel as (
    select
        months.*,
        cast(months.photos * months.beauty as decimal(38, 9)) as beauty_sum,
        {{ acts_of('months') }} as acts,
        recognised.favorites as recognised_favorites,
        recognised.exposure as recognised_exposure,
        links.links,
        links.links_to_beauty,
        links.links_to_top_beauty,
        links.mean_beauty as new_followees_beauty
    from {{ ref('fct_user_months') }} as months
    left join {{ ref('int_user_months__recognition') }} as recognised
        on months.user_id = recognised.user_id and months.event_month = recognised.event_month
    left join {{ ref('int_user_months__new_links') }} as links
        on months.user_id = links.user_id and months.event_month = links.event_month
),

windows as (
    select
        panel.user_id,
        panel.event_month,
        panel.model_version,
        panel.tenure_months,
        panel.acts > 0 as is_active,
        panel.links,
        panel.links_to_beauty,
        panel.links_to_top_beauty,
        panel.new_followees_beauty,
        lag(panel.beauty_cumulative) over months as beauty_before,
        lag(panel.beauty) over months as beauty_last_month,
        lag(panel.photos_cumulative) over months as photos_before,
        lag(panel.followers) over months as followers_before,
        lag(panel.followees) over months as followees_before,
        lag(panel.favorites_received_cumulative) over months as favorites_received_before,
        lag(panel.member_of_groups) over months as groups_before,
        cast(sum(panel.beauty_sum) over last_3 as double) / nullif(sum(panel.photos) over last_3, 0) as beauty_last_3,
        cast(sum(panel.beauty_sum) over last_4_to_6 as double)
        / nullif(sum(panel.photos) over last_4_to_6, 0) as beauty_last_4_to_6,
        coalesce(sum(panel.acts) over last_3, 0) as acts_last_3,
        coalesce(sum(panel.uploads) over last_3, 0) as uploads_last_3,
        coalesce(sum(panel.uploads) over last_4_to_6, 0) as uploads_last_4_to_6,
        coalesce(sum(panel.active_weeks) over last_3, 0) as active_weeks_last_3,
        coalesce(sum(panel.active_weeks) over last_4_to_6, 0) as active_weeks_last_4_to_6,
        max(case when panel.photos > 0 then panel.event_month end) over earlier as last_upload_month,
        coalesce(sum(panel.recognised_favorites) over earlier, 0) as recognised_favorites,
        cast(coalesce(sum(panel.recognised_exposure) over earlier, 0) as double) as recognised_exposure,
        cast(sum(panel.beauty_sum) over after_3 as double)
        / nullif(sum(panel.photos) over after_3, 0) as beauty_after_3,
        coalesce(sum(panel.photos) over after_3, 0) as photos_after_3,
        coalesce(sum(panel.links_to_top_beauty) over after_3, 0) as links_to_top_beauty_after_3,
        coalesce(sum(panel.groups_joined) over after_3, 0) as groups_joined_after_3,
        coalesce(sum(panel.uploads) over after_3, 0) as uploads_after_3,
        coalesce(sum(panel.active_weeks) over after_6, 0) as active_weeks_after_6,
        coalesce(sum(panel.acts) over seventh_to_ninth, 0) = 0 as has_left_within_6
    from panel
    window
        months as (partition by panel.user_id order by panel.event_month),
        last_3 as (
            partition by panel.user_id order by panel.event_month
            range between interval 3 month preceding and interval 1 month preceding
        ),
        last_4_to_6 as (
            partition by panel.user_id order by panel.event_month
            range between interval 6 month preceding and interval 4 month preceding
        ),
        earlier as (
            partition by panel.user_id order by panel.event_month
            range between unbounded preceding and interval 1 month preceding
        ),
        after_3 as (
            partition by panel.user_id order by panel.event_month
            range between interval 1 month following and interval 3 month following
        ),
        after_6 as (
            partition by panel.user_id order by panel.event_month
            range between interval 1 month following and interval 6 month following
        ),
        seventh_to_ninth as (
            partition by panel.user_id order by panel.event_month
            range between interval 6 month following and interval 8 month following
        )
),

community as (
    select
        rate_mean,
        case when rate_variance > 0 then rate_mean * rate_mean / rate_variance end as pseudo_favorites
    from {{ ref('int_user_recognition__prior') }}
),

known as (
    select
        windows.*,
        windows.acts_last_3 > 0 as is_active_before,
        photos_of_users.variance_within / nullif(windows.photos_before, 0) as beauty_before_variance,
        exposure.followee_exposure as exposure_before,
        exposure.followees_with_beauty as followees_with_beauty_before,
        exposure.followee_imbalance as imbalance_before,
        case
            when windows.recognised_exposure > 0
                then
                    (windows.recognised_favorites + community.pseudo_favorites)
                    / (windows.recognised_exposure + community.pseudo_favorites / community.rate_mean)
                    / community.rate_mean
        end as recognition_before,
        date_diff('month', windows.event_month, observed.last_month) as months_observed_after
    from windows
    cross join observed
    left join community on true
    left join {{ ref('int_user_beauty__prior') }} as photos_of_users on true
    left join {{ ref('fct_exposure_monthly') }} as exposure
        on windows.user_id = exposure.user_id and windows.event_month = exposure.event_month
    where windows.photos_before is not null
),

ranked as (
    select
        *,
        case
            when is_active_before and beauty_before is not null
                then percent_rank() over (
                    partition by event_month, is_active_before, beauty_before is null order by beauty_before
                )
        end as beauty_percentile,
        case
            when is_active_before
                then percent_rank() over (partition by event_month, is_active_before order by photos_before)
        end as photos_percentile,
        case
            when is_active_before and imbalance_before is not null
                then percent_rank() over (
                    partition by event_month, is_active_before, sign(imbalance_before) order by abs(imbalance_before)
                )
        end as imbalance_percentile
    from known
),

topped as (
    select
        *,
        coalesce(beauty_percentile >= {{ var('top_beauty_percentile') }}, false) as is_top_beauty
    from ranked
)

select
    user_id,
    event_month,
    model_version,
    cast(tenure_months as bigint) as tenure_months,
    is_active_before,
    is_active,
    beauty_before,
    beauty_before_variance,
    beauty_percentile,
    beauty_last_month,
    beauty_last_3,
    beauty_last_4_to_6,
    photos_before,
    photos_percentile,
    followers_before,
    followees_before,
    favorites_received_before,
    groups_before,
    cast(uploads_last_3 as bigint) as uploads_last_3,
    cast(uploads_last_4_to_6 as bigint) as uploads_last_4_to_6,
    cast(active_weeks_last_3 as bigint) as active_weeks_last_3,
    cast(active_weeks_last_4_to_6 as bigint) as active_weeks_last_4_to_6,
    date_diff('month', last_upload_month, event_month) as months_since_upload,
    exposure_before,
    coalesce(followees_with_beauty_before, 0) as followees_with_beauty_before,
    imbalance_before,
    imbalance_percentile,
    recognition_before,
    case
        when is_top_beauty and recognition_before is not null
            then percent_rank() over (
                partition by event_month, is_top_beauty, recognition_before is null order by recognition_before
            )
    end as recognition_percentile,
    coalesce(links, 0) as links,
    coalesce(links_to_beauty, 0) as links_to_beauty,
    coalesce(links_to_top_beauty, 0) as links_to_top_beauty,
    new_followees_beauty,
    months_observed_after,
    case when months_observed_after >= 3 then cast(photos_after_3 as bigint) end as photos_after_3,
    case when months_observed_after >= 3 then beauty_after_3 end as beauty_after_3,
    case when months_observed_after >= 3 then cast(links_to_top_beauty_after_3 as bigint) end
        as links_to_top_beauty_after_3,
    case when months_observed_after >= 3 then cast(groups_joined_after_3 as bigint) end as groups_joined_after_3,
    case when months_observed_after >= 3 then cast(uploads_after_3 as bigint) end as uploads_after_3,
    case when months_observed_after >= 6 then cast(active_weeks_after_6 as bigint) end as active_weeks_after_6,
    -- Churn is silence of three months, so three more must have been observed.
    case when months_observed_after >= 8 then has_left_within_6 end as has_left_within_6
from topped
