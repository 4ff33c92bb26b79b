-- Equal photos are treated alike, and in their favor on both sides: the share that is strictly more beautiful, and the
-- share that is strictly less recognised, decide. Where all photos are equal nothing stands out, and nobody is chosen.
with beautiful as (
    select
        photo_id,
        model_version,
        category,
        beauty,
        case
            when min(beauty) over () < max(beauty) over ()
                then (count(*) over () - rank() over (order by beauty desc)) / (count(*) over () - 1)
            else 0.5
        end as beauty_percentile
    from {{ ref('int_photos__beauty') }}
    where deleted_at is null
),

rated as (
    select
        *,
        favorites_in_window / exposure as recognition
    from {{ ref('int_photos__recognition') }}
    where is_window_complete
),

recognised as (
    select
        *,
        case
            when min(recognition) over () < max(recognition) over () then percent_rank() over (order by recognition)
            else 0.5
        end as recognition_percentile
    from rated
)

select
    recognised.photo_id,
    recognised.user_id,
    recognised.uploaded_at,
    beautiful.category,
    beautiful.model_version,
    cast(beautiful.beauty as double) as beauty,
    beautiful.beauty_percentile,
    recognised.recognition,
    recognised.recognition_percentile,
    recognised.favorites_in_window,
    recognised.exposure,
    recognised.followers_at_upload,
    recognised.favorites
from recognised
inner join beautiful on recognised.photo_id = beautiful.photo_id
where
    beautiful.beauty_percentile >= {{ var('gem_beauty_percentile') }}
    and recognised.recognition_percentile < {{ var('gem_recognition_percentile') }}
