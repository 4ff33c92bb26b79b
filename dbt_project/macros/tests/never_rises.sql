{# In each group, steps count 0, 1, 2 without gaps, and the column never rises from one step to the next. #}
{% test never_rises(model, column_name, within, step) %}
with steps as (
    select
        *,
        row_number() over in_order - 1 as position,
        lag({{ column_name }}) over in_order as before
    from {{ model }}
    window in_order as (partition by {{ within }} order by {{ step }})
)

select *
from steps
where {{ column_name }} > before or {{ step }} != position
{% endtest %}
