{{ config(meta={'dagster': {'ref': {'name': 'stg_lake__users'}}}) }}

-- A community without people, photos and links is a mistake in landing or publishing, never a result.
select 'nothing was published' as problem
where
    not exists (select 1 from {{ ref('stg_lake__users') }})
    and not exists (select 1 from {{ ref('stg_lake__photos') }})
    and not exists (select 1 from {{ ref('stg_lake__edges') }})
