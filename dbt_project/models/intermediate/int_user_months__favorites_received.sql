{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        contract={'enforced': true},
        post_hook=[
            "{{ delete_what_is_stale(this, 'favorites', 'given_month', 'favorites_digest') }}",
            "{{ delete_what_is_stale(this, 'photos', 'photo_month', 'photos_digest') }}"
        ]
    )
}}

-- Whose a favorite is, is told by a photo of any month. So each row names the month of the favorites and that of the
-- photos that it was made from: new favorites meet all photos, and photos that are new or corrected meet all other
-- favorites.
{%- set made = this if is_incremental() else none %}
{%- set new_favorites = partitions_to_make('favorites', made, 'given_month', 'favorites_digest') %}
{%- set new_photos = partitions_to_make('photos', made, 'photo_month', 'photos_digest') %}
with favorites_to_make as (
    {{ new_favorites }}
),

photos_digests as (
    {{ partitions_to_make('photos', none, 'photo_month', 'photos_digest') }}
),

given as (
    select
        favorites.user_id as giver_id,
        favorites.photo_id,
        months.source_month as given_month,
        months.digest as favorites_digest,
        {{ month_of('favorites.removed_at') }} as removed_month
    from {{ ref('stg_lake__favorites') }} as favorites
    inner join favorites_to_make as months on {{ month_of('favorites.created_at') }} = months.source_month
    where {{ lies_within('favorites.created_at', new_favorites if made else none, 'source_month') }}
),

owned as (
    select
        photo_id,
        user_id,
        coalesce({{ month_of('uploaded_at') }}, {{ before_all_months() }}) as photo_month
    from {{ ref('stg_lake__photos') }}
    where user_id is not null
),

received as (
    select
        owned.user_id,
        owned.photo_month,
        given.given_month,
        given.favorites_digest,
        given.removed_month,
        count(*) as favorites
    from given
    inner join owned on given.photo_id = owned.photo_id
    where owned.user_id != given.giver_id
    group by all
    {%- if made %}
    union all
    select
        owned.user_id,
        photos_to_make.source_month as photo_month,
        known.source_month as given_month,
        known.digest as favorites_digest,
        {{ month_of('favorites.removed_at') }} as removed_month,
        count(*) as favorites
    from ({{ new_photos }}) as photos_to_make
    inner join (
        select
            photo_id,
            user_id,
            coalesce({{ month_of('uploaded_at') }}, {{ before_all_months() }}) as photo_month
        from {{ ref('stg_lake__photos') }}
        where
            user_id is not null
            and (uploaded_at is null or ({{ lies_within('uploaded_at', new_photos, 'source_month') }}))
    ) as owned on photos_to_make.source_month = owned.photo_month
    inner join {{ ref('stg_lake__favorites') }} as favorites on owned.photo_id = favorites.photo_id
    inner join {{ ref('int_lake__digests') }} as known
        on known.lake_table = 'favorites' and {{ month_of('favorites.created_at') }} = known.source_month
    anti join favorites_to_make on known.source_month = favorites_to_make.source_month
    where owned.user_id != favorites.user_id
    group by all
    {%- endif %}
),

changes as (
    select
        * exclude (removed_month, favorites),
        given_month as event_month,
        favorites as favorites_received,
        favorites as favorites_received_standing
    from received
    union all
    select
        * exclude (removed_month, favorites),
        removed_month as event_month,
        0 as favorites_received,
        -favorites as favorites_received_standing
    from received
    where removed_month is not null
)

select
    changes.user_id,
    changes.event_month,
    cast(sum(changes.favorites_received) as bigint) as favorites_received,
    cast(sum(changes.favorites_received_standing) as bigint) as favorites_received_standing,
    changes.given_month,
    changes.favorites_digest,
    changes.photo_month,
    photos_digests.digest as photos_digest
from changes
inner join photos_digests on changes.photo_month = photos_digests.source_month
group by all
