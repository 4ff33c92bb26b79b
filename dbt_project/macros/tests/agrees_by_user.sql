{#
    Two relations say the same of every user: `found`, an aggregate over the rows of the model by `user_id`, equals
    `expected`, an aggregate over the rows of `to` by its column `by`, of those that `among` names. Who is in one of them
    alone counts as 0 in the other. `where_rows_exist` asks nothing of an empty model: a graph without
    times has no months.
#}
{% test agrees_by_user(model, found, to, expected, by='user_id', among='true', where_rows_exist=false) %}
with found as (
    select
        user_id,
        {{ found }} as value
    from {{ model }}
    group by user_id
),

expected as (
    select
        {{ by }} as user_id,
        {{ expected }} as value
    from {{ to }}
    where {{ among }}
    group by {{ by }}
)

select
    coalesce(found.user_id, expected.user_id) as user_id,
    found.value as found,
    expected.value as expected
from found
full join expected on found.user_id = expected.user_id
where
    coalesce(found.value, 0) != coalesce(expected.value, 0)
    {%- if where_rows_exist %}
    and exists (select 1 from {{ model }})
    {%- endif %}
{% endtest %}
