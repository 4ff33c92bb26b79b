{#
    The last month of every user holds as many favorites received as stand today, with a time, on the photos that are
    theirs today, whoever they were taken to belong to when the favorites came.
#}
{% test standing_favorites_agree(model, column_name, favorites, photos) %}
with found as (
    select
        user_id,
        arg_max({{ column_name }}, event_month) as value
    from {{ model }}
    group by user_id
),

expected as (
    select
        photos.user_id,
        count(*) as value
    from {{ favorites }} as favorites
    inner join {{ photos }} as photos on favorites.photo_id = photos.photo_id
    where favorites.created_at is not null and favorites.removed_at is null and favorites.user_id != photos.user_id
    group by photos.user_id
)

select
    coalesce(found.user_id, expected.user_id) as user_id,
    found.value as found,
    expected.value as expected
from found
full join expected on found.user_id = expected.user_id
where coalesce(found.value, 0) != coalesce(expected.value, 0)
{% endtest %}
