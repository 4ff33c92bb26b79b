-- The model version whose scores count: `model_version` of dbt_project.yml, or else the newest trained model that has
-- looked at nearly all photos with an image that any version has, or else the ready-made scores of most photos. A model
-- that is still scoring waits, because half of the photos under another model is another population. Out-of-fold scores
-- judge a model: they count only if named.
with looked_at as (
    select
        model_version,
        photo_id,
        true as is_scored
    from {{ ref('stg_lake__scores') }}
    union all
    select
        model_version,
        photo_id,
        false as is_scored
    from {{ ref('stg_lake__unscorable_photos') }}
),

versions as (
    select
        looked_at.model_version,
        count(*) filter (where looked_at.is_scored) as photos,
        count(*) filter (where photos.uri != '') as images
    from looked_at
    left join {{ ref('stg_lake__photos') }} as photos on looked_at.photo_id = photos.photo_id
    where
        {% if var('model_version') -%}
            looked_at.model_version = '{{ var('model_version') }}'
        {%- else -%}
            not regexp_matches(looked_at.model_version, '-cv[0-9]+-[0-9a-f]{12}$')
        {%- endif %}
    group by looked_at.model_version
    having count(*) filter (where looked_at.is_scored) > 0
),

compared as (
    select
        *,
        images >= {{ var('complete_coverage') }} * max(images) over () as is_complete
    from versions
),

ranked as (
    select
        compared.*,
        models.sequence,
        row_number() over (
            order by
                compared.is_complete desc,
                models.sequence desc nulls last,
                compared.photos desc,
                compared.model_version asc
        ) as preference
    from compared
    left join {{ ref('stg_lake__beauty_models') }} as models on compared.model_version = models.model_version
)

select
    model_version,
    sequence,
    photos,
    images
from ranked
where preference = 1
