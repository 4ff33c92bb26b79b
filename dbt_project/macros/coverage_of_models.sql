{#
    Query of how many photos each model version scored, and of how many with an image it made anything at all, by month of
    upload, of photos whose time `is null` or `is not null`, as told. A score has the time of its photo.
#}
{% macro coverage_of_models(uploaded_at) -%}
with looked_at as (
    select
        model_version,
        photo_id,
        uploaded_at,
        true as is_scored
    from {{ ref('stg_lake__scores') }}
    where uploaded_at {{ uploaded_at }}
    union all
    select
        model_version,
        photo_id,
        uploaded_at,
        false as is_scored
    from {{ ref('stg_lake__unscorable_photos') }}
    where uploaded_at {{ uploaded_at }}
),

photos as (
    select
        photo_id,
        uri
    from {{ ref('stg_lake__photos') }}
    where uploaded_at {{ uploaded_at }}
)

select
    {{ month_of('looked_at.uploaded_at') }} as uploaded_month,
    looked_at.model_version,
    count(*) filter (where looked_at.is_scored) as photos,
    count(*) filter (where photos.uri != '') as images
from looked_at
left join photos on looked_at.photo_id = photos.photo_id
group by all
{%- endmacro %}
