{# A count at the start of a month is the count at the end of the month before, in the relation `ends`, or 0 without one. #}
{% test starts_with_the_month_before(model, column_name, ends) %}
select
    starts.user_id,
    starts.event_month,
    starts.{{ column_name }} as found,
    ends.{{ column_name }} as expected
from {{ model }} as starts
left join {{ ends }} as ends
    on
        starts.user_id = ends.user_id
        and starts.event_month = cast(ends.event_month + interval 1 month as date)
where
    starts.{{ column_name }} != coalesce(ends.{{ column_name }}, 0)
    and (ends.user_id is not null or starts.{{ column_name }} < 0)
{% endtest %}
