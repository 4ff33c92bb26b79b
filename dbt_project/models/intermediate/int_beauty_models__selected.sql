-- The model version whose scores count: `model_version` of dbt_project.yml, or else the newest trained model that has
-- looked at nearly all photos with an image that any version has, or else the ready-made scores of most photos. A model
-- that is still scoring waits, because half of the photos under another model is another population. Out-of-fold scores
-- judge a model: they count only if named.
with undated as (
    {{ coverage_of_models('is null') }}
),

versions as (
    select
        model_version,
        cast(sum(photos) as bigint) as photos,
        cast(sum(images) as bigint) as images
    from (
        select * from {{ ref('int_beauty_models__monthly') }}
        union all
        select * from undated
    ) as months
    where
        {% if var('model_version') -%}
            model_version = '{{ var('model_version') }}'
        {%- else -%}
            not regexp_matches(model_version, '-cv[0-9]+-[0-9a-f]{12}$')
        {%- endif %}
    group by model_version
    having sum(photos) > 0
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
