{# Every row of `to` has a row of the same user and month here, with the same values in these columns. #}
{% test agrees_by_user_and_month(model, to, columns) %}
select expected.*
from {{ to }} as expected
left join {{ model }} as found on expected.user_id = found.user_id and expected.event_month = found.event_month
where
    found.user_id is null
    {%- for column in columns %}
    or found.{{ column }} is distinct from expected.{{ column }}
    {%- endfor %}
{% endtest %}
