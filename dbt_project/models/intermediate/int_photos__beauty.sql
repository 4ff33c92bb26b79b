{{ config(materialized='view') }}

select
    photos.photo_id,
    photos.user_id,
    photos.uploaded_at,
    photos.deleted_at,
    photos.category,
    scores.model_version,
    scores.beauty
from {{ ref('stg_lake__photos') }} as photos
inner join {{ ref('stg_lake__scores') }} as scores on photos.photo_id = scores.photo_id
inner join {{ ref('int_beauty_models__selected') }} as selected on scores.model_version = selected.model_version
