-- One unit of exposure is worth the same on either side: what the public gives to a photo, in units of what one
-- follower gives to it. Where no follower gives anything, the public counts as one follower.
with totals as (
    select
        count(*) as photos,
        cast(sum(favorites_in_window - favorites_from_followers) as double) as from_others,
        cast(sum(favorites_from_followers) as double) as from_followers,
        cast(sum(followers_at_upload) as double) as followers
    from {{ ref('int_photos__attention') }}
    where is_window_complete and deleted_at is null
)

select
    photos,
    {% if var('public_exposure') is none -%}
        case
            when from_followers > 0 and followers > 0 then (from_others / photos) / (from_followers / followers)
            else 1.0
        end
    {%- else -%}
        cast({{ var('public_exposure') }} as double)
    {%- endif %} as public_exposure
from totals
