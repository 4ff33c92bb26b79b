-- The model version whose scores count: `model_version` of dbt_project.yml, or else the newest trained model that has
-- scores, or else the ready-made scores of most photos. Out-of-fold scores judge a model: they count only if named.
with scored as (
    select
        model_version,
        count(*) as photos
    from {{ ref('stg_lake__scores') }}
    group by model_version
),

ranked as (
    select
        scored.model_version,
        models.sequence,
        scored.photos,
        row_number() over (
            order by models.sequence desc nulls last, scored.photos desc, scored.model_version asc
        ) as preference
    from scored
    left join {{ ref('stg_lake__beauty_models') }} as models on scored.model_version = models.model_version
    where
        {% if var('model_version') -%}
            scored.model_version = '{{ var('model_version') }}'
        {%- else -%}
            not regexp_matches(scored.model_version, '-cv[0-9]+-[0-9a-f]{12}$')
        {%- endif %}
)

select
    model_version,
    sequence,
    photos
from ranked
where preference = 1
